/// Why the private server could not do what was asked.
public struct PrivateServerError: Error, Sendable, Hashable, CustomStringConvertible {
  /// The kind of failure; open, so that a new kind breaks nobody's switch.
  public struct Code: Sendable, Hashable {
    let name: String

    /// No usable PostgreSQL programs were found.
    public static let noBinaries = Code(name: "noBinaries")
    /// No account to run the server as: PostgreSQL refuses root.
    public static let noAccount = Code(name: "noAccount")
    /// Another process holds the server's lock file.
    public static let busy = Code(name: "busy")
    /// `initdb` or the server itself failed.
    public static let failed = Code(name: "failed")
    /// Nothing runs.
    public static let notRunning = Code(name: "notRunning")
    /// A folder cannot be made or written.
    public static let folder = Code(name: "folder")
  }

  /// The kind of failure.
  public let code: Code
  /// One line: what, where, what to do.
  public let description: String

  package init(code: Code, description: String) {
    self.code = code
    self.description = description
  }
}

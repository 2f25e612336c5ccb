/// Why a sandbox cannot listen.
public struct SandboxError: Error, Sendable, Hashable, CustomStringConvertible {
  /// The kind of failure; open, so that a new kind breaks nobody's switch.
  public struct Code: Sendable, Hashable {
    let name: String

    /// The address is not this machine's own, and that was not asked for.
    public static let notLoopback = Code(name: "notLoopback")
    /// The address cannot be listened on.
    public static let cannotListen = Code(name: "cannotListen")
  }

  /// The kind of failure.
  public let code: Code
  /// One line: what, where, what to do.
  public let description: String
}

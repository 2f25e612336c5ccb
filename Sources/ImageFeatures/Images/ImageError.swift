/// Why an image could not be read, resized or written, in one line: what, where, what to do.
public struct ImageError: Error, Sendable, Hashable, CustomStringConvertible {
  /// What kind of failure it is, for code that decides by it.
  public struct Code: Sendable, Hashable, CustomStringConvertible {
    /// The code's name, e.g. `truncated`.
    public let name: String

    /// A code by its name.
    public init(_ name: String) { self.name = name }

    /// The code's name.
    public var description: String { name }

    /// The file is not an image of a known format.
    public static let notAImage = Code("notAImage")
    /// The file ends before the image does.
    public static let truncated = Code("truncated")
    /// The file breaks its format's rules.
    public static let damaged = Code("damaged")
    /// A valid file in a form that is not read here.
    public static let unsupported = Code("unsupported")
    /// More pixels or bytes than the limit allows.
    public static let tooLarge = Code("tooLarge")
    /// The file cannot be opened or read.
    public static let unreadable = Code("unreadable")
    /// A size that makes no image.
    public static let invalidSize = Code("invalidSize")
    /// The encoder refused.
    public static let encoding = Code("encoding")
  }

  /// The kind of failure.
  public let code: Code
  /// What is wrong and what to do, without the file's name.
  public let reason: String
  /// The file's name, or nil when the image came from memory.
  public let file: String?

  /// An error of a kind, with its reason and the file it is about.
  public init(_ code: Code, _ reason: String, file: String? = nil) {
    self.code = code
    self.reason = reason
    self.file = file
  }

  /// `file: reason`, or the reason alone.
  public var description: String {
    guard let file else { return reason }
    return "\(file): \(reason)"
  }

  func naming(_ file: String?) -> ImageError {
    ImageError(code, reason, file: self.file ?? file)
  }
}

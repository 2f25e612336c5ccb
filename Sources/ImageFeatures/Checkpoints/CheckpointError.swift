/// Why a checkpoint or array file could not be read or written, in one line: what, where, what to do.
public struct CheckpointError: Error, Sendable, Hashable, CustomStringConvertible {
  /// What kind of failure it is, for code that decides by it.
  public struct Code: Sendable, Hashable, CustomStringConvertible {
    /// The code's name, e.g. `damaged`.
    public let name: String

    /// A code by its name.
    public init(_ name: String) { self.name = name }

    /// The code's name.
    public var description: String { name }

    /// The file cannot be opened, read or written.
    public static let unreadable = Code("unreadable")
    /// The file is of no known format.
    public static let unknownFormat = Code("unknownFormat")
    /// The file ends too early.
    public static let truncated = Code("truncated")
    /// The file contradicts itself or its format.
    public static let damaged = Code("damaged")
    /// A valid file in a form that is not read here.
    public static let unsupported = Code("unsupported")
    /// A pickle that names something outside the allowed list. Nothing of it was run.
    public static let forbiddenGlobal = Code("forbiddenGlobal")
    /// A size beyond the limits.
    public static let tooLarge = Code("tooLarge")
    /// No tensor has this name.
    public static let unknownName = Code("unknownName")
  }

  /// The kind of failure.
  public let code: Code
  /// What is wrong and what to do, without the file's name.
  public let reason: String
  /// The file's path, or nil when the bytes came from memory.
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

  func naming(_ file: String?) -> CheckpointError {
    CheckpointError(code, reason, file: self.file ?? file)
  }

  /// Runs `body`, and turns a read beyond the end into an error of this kind; both name the file.
  static func naming<Result>(_ file: String?, _ body: () throws -> Result) throws -> Result {
    do {
      return try body()
    } catch let error as CheckpointError {
      throw error.naming(file)
    } catch is ByteCursor.OutOfBounds {
      throw CheckpointError(.truncated, "the file ends too early; copy or download it again", file: file)
    } catch let failure as Inflater.Failure {
      throw CheckpointError(.damaged, failure.reason, file: file)
    }
  }

  /// Text from a file, made fit for one line of a terminal.
  static func printable(_ text: String) -> String {
    let clean = text.unicodeScalars.prefix(80).map { scalar in
      scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value) ? "?" : String(scalar)
    }
    return clean.joined() + (text.unicodeScalars.count > 80 ? "…" : "")
  }
}

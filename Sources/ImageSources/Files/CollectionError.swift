internal import Basics

/// Why a collection or a feature source cannot be read: one line that names the file and says what to do.
public struct CollectionError: Error, Sendable, Hashable, CustomStringConvertible {
  /// The kind of failure; open, so that a new kind breaks nobody's switch.
  public struct Code: Sendable, Hashable, CustomStringConvertible {
    /// The code's name, as it is written here.
    public let description: String

    /// The file or folder does not exist, or cannot be opened or read.
    public static let unreadable = Code(description: "unreadable")
    /// There is nothing to load in it.
    public static let empty = Code(description: "empty")
    /// It is none of the formats that are read here.
    public static let unknownFormat = Code(description: "unknownFormat")
    /// It breaks its format's rules, or ends too early.
    public static let damaged = Code(description: "damaged")
    /// Position outside the collection.
    public static let outOfRange = Code(description: "outOfRange")
    /// A label file does not fit the collection.
    public static let labels = Code(description: "labels")
  }

  /// The kind of failure.
  public let code: Code
  /// The file or folder it is about.
  public let file: String
  /// The line, counted from 1, in a text file.
  public let line: Int?
  /// What is wrong and what to do.
  public let reason: String

  /// An error of a kind, about a file.
  public init(_ code: Code, file: String, line: Int? = nil, _ reason: String) {
    self.code = code
    self.file = file
    self.line = line
    self.reason = reason
  }

  /// `file:line: reason`.
  public var description: String {
    let place = line.map { ":\($0)" } ?? ""
    return "\(file)\(place): \(reason)"
  }
}

extension CollectionError: ReportedError {
  /// As JSON output shows it.
  package var reportedCode: String { snakeCase(code.description) }
}

/// The id of an image's row, in a table or a file: an integer, or a text for tables whose ids are texts, UUIDs or decimals.
public struct ImageID: Sendable, CustomStringConvertible {
  private enum Value {
    case number(Int64)
    case text(String)
  }

  private let value: Value

  /// An integer.
  public init(_ number: Int64) { value = .number(number) }

  /// An id as people write it; `42`, as PostgreSQL prints it, is an integer, `007` and `1b4e28ba-…` are texts.
  public init(_ text: String) {
    if let number = Int64(text), String(number) == text {
      value = .number(number)
    } else {
      value = .text(text)
    }
  }

  /// The integer; nil for a text.
  public var number: Int64? {
    if case .number(let number) = value { number } else { nil }
  }

  /// The id as people write it.
  public var description: String {
    switch value {
    case .number(let number): String(number)
    case .text(let text): text
    }
  }
}

extension ImageID: Hashable {
  /// Texts are the same when their bytes are: for a database "é" in one and in two characters are two ids.
  public static func == (left: ImageID, right: ImageID) -> Bool {
    switch (left.value, right.value) {
    case (.number(let left), .number(let right)): left == right
    case (.text(let left), .text(let right)): left.utf8.elementsEqual(right.utf8)
    default: false
    }
  }

  /// Hashes the number, or the text's bytes.
  public func hash(into hasher: inout Hasher) {
    switch value {
    case .number(let number): hasher.combine(number)
    case .text(let text): for byte in text.utf8 { hasher.combine(byte) }
    }
  }
}

extension ImageID: Comparable {
  /// Integers by size and before texts, texts by their bytes.
  public static func < (left: ImageID, right: ImageID) -> Bool {
    switch (left.value, right.value) {
    case (.number(let left), .number(let right)): left < right
    case (.number, .text): true
    case (.text, .number): false
    case (.text(let left), .text(let right)): left.utf8.lexicographicallyPrecedes(right.utf8)
    }
  }
}

extension ImageID: ExpressibleByIntegerLiteral {
  /// An integer.
  public init(integerLiteral number: Int64) { self.init(number) }
}

extension ImageID: Codable {
  /// Reads a JSON number or string.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    if let number = try? container.decode(Int64.self) {
      self.init(number)
    } else {
      self.init(try container.decode(String.self))
    }
  }

  /// Writes a JSON number, or a string for a text.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    switch value {
    case .number(let number): try container.encode(number)
    case .text(let text): try container.encode(text)
    }
  }
}

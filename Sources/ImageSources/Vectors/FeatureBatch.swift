/// Consecutive rows of a feature source: parallel arrays, vectors laid out one after another.
public struct FeatureBatch: Sendable {
  /// The position in the source of the first row, counted from 0.
  public internal(set) var firstPosition: Int
  /// The rows' ids.
  public private(set) var ids: [RowID] = []
  /// The rows' classes.
  public private(set) var labels: [String?] = []
  /// Where the rows' images can be found again; empty when the rows come from no images.
  public private(set) var places: [ImagePlace] = []
  /// `count * dimension` numbers.
  public private(set) var values: [Float] = []
  /// Numbers in a vector; 0 before the first row.
  public private(set) var dimension = 0
  /// The byte in the source where the row behind the last one starts; 0 where that has no meaning.
  public internal(set) var endOffset = 0
  /// The line behind the last one, for text; 0 where that has no meaning.
  public internal(set) var endLine = 0

  /// An empty batch that starts at a position.
  public init(firstPosition: Int = 0) {
    self.firstPosition = firstPosition
  }

  /// The number of rows.
  public var count: Int { ids.count }
  /// The position behind the last row.
  public var endPosition: Int { firstPosition + count }

  /// Reserves memory for a count of numbers.
  public mutating func reserve(values count: Int) {
    values.reserveCapacity(count)
  }

  /// Empties the batch for the rows from a position on; the memory is kept.
  public mutating func reset(firstPosition: Int) {
    self.firstPosition = firstPosition
    ids.removeAll(keepingCapacity: true)
    labels.removeAll(keepingCapacity: true)
    places.removeAll(keepingCapacity: true)
    values.removeAll(keepingCapacity: true)
    dimension = 0
  }

  /// Appends a row whose vector `fill` appends to the values.
  ///
  /// - Returns: false, and leaves the batch as it was, when the vector's length differs from the rows before.
  public mutating func append(id: RowID, label: String?, _ fill: (inout [Float]) throws -> Void) rethrows
    -> Bool
  {
    let start = values.count
    try fill(&values)
    let length = values.count - start
    guard length > 0, count == 0 || length == dimension else {
      values.removeLast(length)
      return false
    }
    dimension = length
    ids.append(id)
    labels.append(label)
    return true
  }

  /// Appends a row.
  /// - Returns: as `append(id:label:_:)`.
  @discardableResult
  public mutating func append(id: RowID, label: String?, vector: some Collection<Float>) -> Bool {
    append(id: id, label: label) { $0.append(contentsOf: vector) }
  }

  /// Appends the row of an image.
  /// - Returns: as `append(id:label:_:)`.
  @discardableResult
  public mutating func append(_ entry: ImageEntry, id: RowID, vector: some Collection<Float>) -> Bool {
    guard append(id: id, label: entry.label, vector: vector) else { return false }
    places.append(entry.place)
    return true
  }

  /// Appends a row of another batch.
  public mutating func append(_ row: Int, of other: FeatureBatch) {
    let fits = other.withVector(row) { append(id: other.ids[row], label: other.labels[row], vector: $0) }
    if fits, !other.places.isEmpty { places.append(other.places[row]) }
  }

  /// Lends the vector of a row.
  public func withVector<Result>(_ row: Int, _ body: (UnsafeBufferPointer<Float>) throws -> Result) rethrows
    -> Result
  {
    try values.withUnsafeBufferPointer {
      try body(UnsafeBufferPointer(rebasing: $0[row * dimension..<(row + 1) * dimension]))
    }
  }
}

/// The id of a row in a file or a table: an integer, or a text for tables whose ids are texts or UUIDs.
public struct RowID: Sendable, CustomStringConvertible {
  private enum Value {
    case number(Int64)
    case text(String)
  }

  private let value: Value

  /// An integer.
  public init(_ number: Int64) { value = .number(number) }

  /// A text; one that is an integer as PostgreSQL prints it is the integer, `007` is a text.
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

extension RowID: Hashable {
  /// Texts are the same when their bytes are: for a database "é" in one and in two characters are two ids.
  public static func == (left: RowID, right: RowID) -> Bool {
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

extension RowID: ExpressibleByIntegerLiteral {
  /// An integer.
  public init(integerLiteral number: Int64) { self.init(number) }
}

extension RowID: Encodable {
  /// Writes a number, or a text.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    switch value {
    case .number(let number): try container.encode(number)
    case .text(let text): try container.encode(text)
    }
  }
}

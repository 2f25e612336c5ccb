internal import Basics

/// How the text of a rendering is laid out.
public enum TextLayout: Sendable, Hashable {
  /// One line, for the wire.
  case compact
  /// One clause per line, for people.
  case pretty
}

/// Walks a fragment once, writes its text and collects its values.
struct Renderer {
  /// Writes a bound value: its number (from 1), its name where it has one, and the value.
  typealias Parameter = @Sendable (_ number: Int, _ name: String?, _ value: SQLValue) -> String

  let dialect: Dialect
  let layout: TextLayout
  /// nil writes the dialect's placeholder.
  var parameter: Parameter?
  private var bytes: [UInt8] = []
  private(set) var binds: [SQLValue] = []
  private(set) var names: [String?] = []
  /// The settings that the fragments need.
  private(set) var settings = SearchSettings()
  private var vectorNumbers: [Int] = []
  private var depth = 0

  init(dialect: Dialect, layout: TextLayout, parameter: Parameter? = nil) {
    self.dialect = dialect
    self.layout = layout
    self.parameter = parameter
    bytes.reserveCapacity(512)
    binds.reserveCapacity(8)
    names.reserveCapacity(8)
  }

  /// What has been written so far.
  var text: String { String(decoding: bytes, as: UTF8.self) }

  mutating func render(_ sql: SQL) throws(RenderingError) {
    try render(sql.segments)
  }

  private mutating func render(_ segments: [SQL.Segment]) throws(RenderingError) {
    // By index: a loop over the elements would copy each of them.
    for index in segments.indices {
      switch segments[index] {
      case .literal(let literal): literal.withUTF8Buffer { bytes.append(contentsOf: $0) }
      case .text(let text): write(text)
      case .identifier(let identifier): write(identifier)
      case .name(let name): write(name)
      case .nested(let segments): try render(segments)
      case .bind(let value, let name): try write(value, name: name)
      case .vector(let vector): try write(vector)
      case .deferred(let choose): try render(choose(dialect))
      case .layout(let layout): write(layout)
      case .settings(let needed): settings = settings.merged(with: needed)
      }
    }
  }

  /// The text so far, leaving the values: what is rendered next shares their numbers.
  mutating func takeText() -> String {
    defer { bytes.removeAll(keepingCapacity: true) }
    return text
  }

  private mutating func write(_ text: String) {
    bytes.append(contentsOf: text.utf8)
  }

  private mutating func write(_ name: QualifiedName) {
    if let schema = name.schema {
      write(schema)
      write(".")
    }
    write(name.name)
  }

  private mutating func write(_ identifier: Identifier) {
    let quote = UInt8(ascii: "\"")
    bytes.append(quote)
    for byte in identifier.name.utf8 {
      if byte == quote { bytes.append(quote) }
      bytes.append(byte)
    }
    bytes.append(quote)
  }

  private mutating func write(_ layout: SQL.Layout) {
    switch (layout, self.layout) {
    case (.indent, _): depth += 1
    case (.outdent, _): depth -= 1
    case (.line, .compact): write(" ")
    case (.edge, .compact): break
    case (.line, .pretty), (.edge, .pretty): write("\n" + String(repeating: "  ", count: depth))
    }
  }

  private mutating func write(_ value: SQLValue, name: String?) throws(RenderingError) {
    try value.check()
    try refuseConstantSortKey()
    let number: Int
    if let name, let index = names.firstIndex(of: name), binds[index] == value {
      number = index + 1
    } else {
      number = append(value, name: name)
    }
    write(spelled(number))
  }

  private mutating func write(_ vector: VectorBind) throws(RenderingError) {
    let type = try dialect.type(of: vector.element)
    let value = type.encode(vector.elements)
    let number: Int
    if let earlier = vectorNumbers.first(where: { binds[$0 - 1] == value }) {
      number = earlier
    } else {
      number = append(value, name: vectorNumbers.isEmpty ? "query" : nil)
      vectorNumbers.append(number)
    }
    write(spelled(number))
    write("::")
    write(type.castType(dimension: vector.elements.count))
  }

  /// A bound value is a constant, and a constant as a sort key orders nothing.
  private func refuseConstantSortKey() throws(RenderingError) {
    // Where values are written into the text, words of theirs may look like a clause.
    guard parameter == nil else { return }
    // The last letter tells most places from those behind BY or a comma.
    guard let last = bytes.last(where: { $0 != UInt8(ascii: " ") && $0 != UInt8(ascii: "\n") }),
      last == UInt8(ascii: "Y") || last == UInt8(ascii: ","),
      let clause = Self.openSortKey(bytes.suffix(256))
    else { return }
    throw RenderingError(
      .invalidShape,
      "a value is bound after \(clause), where it is a constant and orders nothing. "
        + "Fix: interpolate a column, with \\(id: column), or a fragment"
    )
  }

  /// `ORDER BY` or `GROUP BY` when the text ends where a key of that clause begins.
  private static func openSortKey(_ tail: ArraySlice<UInt8>) -> String? {
    let text = String(decoding: tail, as: UTF8.self).split { $0 == " " || $0 == "\n" }
    guard let last = text.last else { return nil }
    let clauses = ["ORDER", "GROUP"]
    if last == "BY", let word = text.dropLast().last, let clause = clauses.first(where: word.hasSuffix) {
      return clause + " BY"
    }
    guard last.hasSuffix(","), let by = text.lastIndex(of: "BY"), by > 0,
      let clause = clauses.first(where: text[by - 1].hasSuffix)
    else { return nil }
    // The comma separates keys only when no parenthesis is open and no other clause has begun.
    let keys = text[(by + 1)...]
    let depth = keys.joined().reduce(0) { $0 + ($1 == "(" ? 1 : $1 == ")" ? -1 : 0) }
    let ended = keys.contains { ["LIMIT", "OFFSET", "FETCH", "FROM", "WHERE", "HAVING"].contains($0) }
    return depth == 0 && !ended ? clause + " BY" : nil
  }

  private mutating func append(_ value: SQLValue, name: String?) -> Int {
    binds.append(value)
    names.append(names.contains(name) ? nil : name)
    return binds.count
  }

  private func spelled(_ number: Int) -> String {
    guard let parameter else { return dialect.placeholder(number) }
    return parameter(number, names[number - 1], binds[number - 1])
  }
}

extension SQL {
  /// The text with numbered parameters and the values for them.
  ///
  /// The text depends on the shape of the query only, never on the values, apart from which vectors are equal; so it
  /// can serve as a key for prepared statements.
  /// - Throws: `RenderingError` when the dialect lacks something that the fragment needs.
  public func rendered(
    for dialect: Dialect,
    layout: TextLayout = .compact
  ) throws(RenderingError) -> Statement {
    var renderer = Renderer(dialect: dialect, layout: layout)
    try renderer.render(self)
    return Statement(
      trusted: renderer.text,
      binds: renderer.binds,
      settings: try renderer.settings.statements(for: dialect).map(\.text)
    )
  }
}

extension SQL {
  /// The statement of a fragment that reads alike in every dialect: text, names, and values that are not vectors.
  package func rendered() throws(RenderingError) -> Statement { try rendered(for: .pgvector) }

  /// The place of a value that is encoded elsewhere, by its number, for statements that are rendered once and sent often. A fragment
  /// that has such places binds no values, whose numbers would be the same.
  package static func parameter(_ number: Int) -> SQL {
    .perDialect { dialect throws(RenderingError) in .keyword(dialect.placeholder(number)) }
  }
}

/// Why a query, an index or a setting cannot be written for a dialect. Never holds a bound value.
public struct RenderingError: Error, Sendable, Hashable, CustomStringConvertible {
  /// What kind of problem it is.
  public let code: Code
  /// One line: what, where, what to do.
  public let description: String

  /// A problem in one line.
  public init(_ code: Code, _ description: String) {
    self.code = code
    self.description = description
  }

  /// The kinds of problems; more may come.
  public struct Code: Sendable, Hashable, CustomStringConvertible {
    /// The code as JSON output shows it.
    public let description: String

    /// A code of that name.
    public init(_ description: String) {
      self.description = description
    }

    /// The dialect has no such metric for the column's type.
    public static let unsupportedMetric = Code("unsupported_metric")
    /// The dialect has no such element type.
    public static let unsupportedElement = Code("unsupported_element")
    /// The dialect, or the server's version, has no such feature.
    public static let unsupportedFeature = Code("unsupported_feature")
    /// A vector's length is not the column's dimension.
    public static let dimensionMismatch = Code("dimension_mismatch")
    /// A vector holds NaN or infinity, or is zero where the metric cannot take it.
    public static let invalidVector = Code("invalid_vector")
    /// A value that PostgreSQL cannot store, such as a text with U+0000.
    public static let invalidValue = Code("invalid_value")
    /// A number is outside the range that the server documents.
    public static let outOfRange = Code("out_of_range")
    /// The parts of a statement do not fit together.
    public static let invalidShape = Code("invalid_shape")
  }
}

extension RenderingError: ReportedError {
  /// As JSON output shows it.
  package var reportedCode: String { code.description }
}

extension RenderingError {
  static func check(
    _ value: Int,
    in range: ClosedRange<Int>,
    _ what: String
  ) throws(RenderingError) {
    guard range.contains(value) else {
      throw RenderingError(
        .outOfRange,
        "\(what) is \(value); the range is \(range.lowerBound) to \(range.upperBound)"
      )
    }
  }
}

/// The rendered form of a fragment: SQL text with `$1 … $n`, and the values for them in that order.
public struct Statement: Sendable, Hashable {
  /// SQL text; parameters are written `$1 … $n`.
  public let text: String
  /// The value of `$i` stands at `binds[i - 1]`.
  public let binds: [SQLValue]
  /// `SET LOCAL` statements that the transaction of this one needs; without them it may return too few rows.
  public let settings: [String]

  /// A statement from text that the caller vouches for.
  ///
  /// The label is there to be searched for: `trusted:` is the one way from run-time text to SQL.
  public init(trusted text: String, binds: [SQLValue] = []) {
    self.init(trusted: text, binds: binds, settings: [])
  }

  init(trusted text: String, binds: [SQLValue], settings: [String]) {
    self.text = text
    self.binds = binds
    self.settings = settings
  }

  /// A statement from text that stands in the program.
  public init(_ text: StaticString, binds: [SQLValue] = []) {
    self.init(trusted: text.description, binds: binds)
  }
}

extension Statement: ExpressibleByStringLiteral {
  /// A statement from a literal without interpolation, so that no run-time text becomes SQL by itself.
  public init(stringLiteral text: StaticString) {
    self.init(trusted: text.description)
  }
}

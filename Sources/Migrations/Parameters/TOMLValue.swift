/// A value of `parameters.toml`, with its place.
struct TOMLValue: Hashable {
  enum Content: Hashable {
    case string(String)
    case integer(Int)
    case boolean(Bool)
    case array([Content])
  }

  var content: Content
  var offset: Int
}

/// A table of `parameters.toml`: `[dim]`, `[dim.pgvector]`.
struct TOMLTable: Hashable {
  var path: [String]
  var offset: Int
  var values: [(key: String, value: TOMLValue)]

  static func == (left: TOMLTable, right: TOMLTable) -> Bool {
    left.path == right.path && left.offset == right.offset
  }

  func hash(into hasher: inout Hasher) { hasher.combine(offset) }
}

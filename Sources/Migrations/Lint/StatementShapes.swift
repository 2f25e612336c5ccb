internal import SQLLexer

/// A `CREATE TABLE` as far as lint reads it.
struct TableShape {
  var name: String
  var columns: [String: LintCatalog.Column] = [:]
  var keys: [[String]] = []
  var distribution: [String]?
}

extension SQLStatement {
  /// Columns, keys and distribution of a `CREATE TABLE name (…)`.
  var tableShape: TableShape? {
    guard hasWords("create"), var index = tokens.indices.prefix(4).first(where: { hasWords("table", at: $0) })
    else { return nil }
    index += hasWords("if", "not", "exists", at: index + 1) ? 4 : 1
    guard let name = qualifiedName(at: index) else { return nil }
    var shape = TableShape(name: LintCatalog.key(name.text))
    if let end = endOfParentheses(at: name.end) {
      for item in items(name.end + 1..<end - 1) { read(item, into: &shape) }
      shape.distribution = distribution(from: end)
    }
    return shape
  }

  private func read(_ item: Range<Int>, into shape: inout TableShape) {
    let first = item.lowerBound
    if let key = keyColumns(in: item) { shape.keys.append(key) }
    let isConstraint = ["primary", "unique", "constraint", "foreign", "check", "exclude", "like"].contains(
      text(of: tokens[first]).lowercased()
    )
    guard !isConstraint, item.count > 1 else { return }
    let name = catalogueName(tokens[first])
    shape.columns[name] = columnType(first + 1..<item.upperBound)
    if item.contains(where: { hasWords("primary", "key", at: $0) || hasWords("unique", at: $0) }) {
      shape.keys.append([name])
    }
  }

  /// `real[]`, `vector(3)`, `double precision`.
  func columnType(_ range: Range<Int>) -> LintCatalog.Column {
    var type = text(of: tokens[range.lowerBound]).lowercased()
    var index = range.lowerBound + 1
    var dimensions: Int?
    if isSymbol("(", at: index), index + 1 < range.upperBound {
      dimensions = Int(text(of: tokens[index + 1]))
      index = endOfParentheses(at: index) ?? index
    }
    if isSymbol("[", at: index) || hasWords("array", at: index) { type += "[]" }
    return LintCatalog.Column(type: type, dimensions: dimensions)
  }

  private func keyColumns(in item: Range<Int>) -> [String]? {
    for index in item where hasWords("primary", "key", at: index) || hasWords("unique", at: index) {
      let open = index + (hasWords("unique", at: index) ? 1 : 2)
      if let end = endOfParentheses(at: open) { return names(open + 1..<end - 1) }
    }
    return nil
  }

  private func distribution(from start: Int) -> [String]? {
    guard start < tokens.count,
      let index = (start..<tokens.count).first(where: { hasWords("distributed", at: $0) })
    else { return nil }
    // Each segment has all rows, so that any key can be checked there.
    if hasWords("replicated", at: index + 1) { return nil }
    guard hasWords("by", at: index + 1), let end = endOfParentheses(at: index + 2) else { return [] }
    return names(index + 3..<end - 1)
  }

  /// The first word of each item in a list.
  func names(_ range: Range<Int>) -> [String] { items(range).map { catalogueName(tokens[$0.lowerBound]) } }

  /// The parts of a list between its commas.
  func items(_ range: Range<Int>) -> [Range<Int>] {
    var items: [Range<Int>] = []
    var start = range.lowerBound
    var depth = 0
    for index in range {
      if isSymbol("(", at: index) || isSymbol("[", at: index) { depth += 1 }
      if isSymbol(")", at: index) || isSymbol("]", at: index) { depth -= 1 }
      guard depth == 0, isSymbol(",", at: index) else { continue }
      if start < index { items.append(start..<index) }
      start = index + 1
    }
    if start < range.upperBound { items.append(start..<range.upperBound) }
    return items
  }
}

/// A `CREATE INDEX` as far as lint reads it.
struct IndexShape {
  var build: IndexBuild
  var isUnique: Bool
  var method: String
  /// The columns, or nil for each expression.
  var columns: [String?]
  var opclass: String?
  var options: [(name: String, value: String, token: Int)]

  func option(_ name: String) -> String? { options.first { $0.name == name }?.value }
}

extension SQLStatement {
  /// Method, columns and options of a `CREATE INDEX`.
  var indexShape: IndexShape? {
    guard let build = indexBuild,
      let on = tokens.indices.first(where: { hasWords("on", at: $0) }),
      let table = qualifiedName(at: on + (hasWords("only", at: on + 1) ? 2 : 1))
    else { return nil }
    var index = table.end
    var method = "btree"
    if hasWords("using", at: index), index + 1 < tokens.count {
      method = text(of: tokens[index + 1]).lowercased()
      index += 2
    }
    guard let end = endOfParentheses(at: index) else { return nil }
    let parts = items(index + 1..<end - 1)
    let with = tokens.indices.first { $0 >= end && hasWords("with", at: $0) }
    return IndexShape(
      build: build,
      isUnique: hasWords("unique", at: 1),
      method: method,
      columns: parts.map { isSymbol("(", at: $0.lowerBound) ? nil : catalogueName(tokens[$0.lowerBound]) },
      opclass: parts.first.flatMap { opclass($0) },
      options: with.map { self.options(at: $0 + 1) } ?? []
    )
  }

  private func opclass(_ part: Range<Int>) -> String? {
    let start = endOfParentheses(at: part.lowerBound) ?? part.lowerBound + 1
    guard start < part.upperBound, tokens[start].kind == .word else { return nil }
    let word = text(of: tokens[start]).lowercased()
    return ["asc", "desc", "nulls", "collate"].contains(word) ? nil : word
  }

  private func options(at open: Int) -> [(name: String, value: String, token: Int)] {
    guard let end = endOfParentheses(at: open) else { return [] }
    return items(open + 1..<end - 1).map { item in
      let name = catalogueName(tokens[item.lowerBound])
      let value = item.count > 2 ? text(of: tokens[item.upperBound - 1]) : "on"
      return (name, value.filter { $0 != "'" && $0 != "\"" }.lowercased(), item.lowerBound)
    }
  }
}

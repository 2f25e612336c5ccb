internal import PostgresClient
internal import SQLLexer
internal import VectorSQL

/// Data that a statement deletes, as far as its words and those of a DO block say so; the code of routines is not read.
enum DataLoss: Sendable, Hashable {
  /// All rows of a table.
  case table(String)
  /// All tables of a schema.
  case schema(String)
  /// The values of a column.
  case column(table: String, name: String)
  /// The values of all columns of some types, which an SQL condition on `t`, a row of `pg_type`, names.
  case columns(ofTypes: String)
  /// More than can be counted from here.
  case uncounted(String)
}

extension SQLStatement {
  /// What it deletes.
  var dataLoss: [DataLoss] {
    let runsAnother =
      hasWords("with")
      || hasWords("explain")
        && tokens.indices.contains { hasWords("analyze", at: $0) || hasWords("analyse", at: $0) }
    if runsAnother { return tokens.indices.flatMap(deletedRows(at:)) }
    guard hasWords("do") else { return dataLoss(at: 0) }
    // What stands before a statement in a block, such as BEGIN or THEN, is part of it here.
    return blockStatements.flatMap { statement in
      statement.tokens.indices.flatMap { statement.dataLoss(at: $0) + statement.executedDataLoss(at: $0) }
    }
  }

  private func dataLoss(at start: Int) -> [DataLoss] {
    let next = start + 2
    if hasWords("drop", at: start) {
      if hasWords("table", at: start + 1) { return names(from: next).map(DataLoss.table) }
      if hasWords("schema", at: start + 1) { return names(from: next).map(DataLoss.schema) }
      if hasWords("database", at: start + 1) {
        return names(from: next).map { .uncounted("the database \($0)") }
      }
      if hasWords("owned", at: start + 1) { return [.uncounted("all that a role owns")] }
      return depthZeroIndices.contains { hasWords("cascade", at: $0) } ? droppedTypes(at: start + 1) : []
    }
    if hasWords("truncate", at: start) {
      return names(from: hasWords("table", at: start + 1) ? next : start + 1).map(DataLoss.table)
    }
    return hasWords("alter", "table", at: start) ? droppedColumns(at: next) : deletedRows(at: start)
  }

  /// A table whose rows are all deleted by the command that begins at a token.
  private func deletedRows(at start: Int) -> [DataLoss] {
    if hasWords("merge", "into", at: start) {
      guard tokens.indices.contains(where: { hasWords("when", "matched", "then", "delete", at: $0) }),
        let condition = parts(start..<tokens.count, between: "on").dropFirst().first,
        constant(parts(condition, between: "when")[0]) == true
      else { return [] }
      return names(from: start + 2).prefix(1).map(DataLoss.table)
    }
    guard hasWords("delete", "from", at: start) else { return [] }
    let clauses = parts(start..<tokens.count, between: "where")
    if clauses.count > 1 {
      let condition = parts(clauses[1], between: "returning")[0]
      guard constant(condition) == true else { return [] }
    }
    return names(from: start + 2).prefix(1).map(DataLoss.table)
  }

  /// The value of a condition that is the same for every row, such as `true`, `1 = 1` and `NOT (false)`; nil for any
  /// other, and for one that nests too deep to be meant.
  private func constant(_ condition: Range<Int>, depth: Int = 0) -> Bool? {
    guard let first = condition.first, depth < 32 else { return nil }
    if endOfParentheses(at: first) == condition.upperBound {
      return constant(first + 1..<condition.upperBound - 1, depth: depth + 1)
    }
    for (word, decides) in [("or", true), ("and", false)] as [(StaticString, Bool)] {
      let parts = parts(condition, between: word)
      guard parts.count > 1 else { continue }
      let values = parts.map { constant($0, depth: depth + 1) }
      return values.contains(decides) ? decides : values.contains(nil) ? nil : !decides
    }
    if hasWords("not", at: first) {
      return constant(first + 1..<condition.upperBound, depth: depth + 1).map { !$0 }
    }
    if condition.count == 1 {
      return hasWords("true", at: first) ? true : hasWords("false", at: first) ? false : nil
    }
    let isEquation = condition.count == 3 && isSymbol("=", at: first + 1)
    return isEquation && text(of: tokens[first]) == text(of: tokens[first + 2]) ? true : nil
  }

  /// A range cut at a word or symbol outside of the parentheses inside it; it ends where one closes that was open before it.
  private func parts(_ range: Range<Int>, between word: StaticString) -> [Range<Int>] {
    var parts: [Range<Int>] = []
    var start = range.lowerBound
    var depth = 0
    for index in range {
      if isSymbol("(", at: index) { depth += 1 }
      if isSymbol(")", at: index) { depth -= 1 }
      if depth < 0 { return parts + [start..<index] }
      if depth == 0, hasWords(word, at: index) || isSymbol(word, at: index) {
        parts.append(start..<index)
        start = index + 1
      }
    }
    return parts + [start..<range.upperBound]
  }

  /// What a statement deletes that a block gives as text: `EXECUTE 'DROP TABLE a'`, `EXECUTE format('DROP TABLE %I', name)`.
  private func executedDataLoss(at start: Int) -> [DataLoss] {
    guard hasWords("execute", at: start) else { return [] }
    var expression = start + 1..<tokens.count
    for word in ["into", "using", "loop"] as [StaticString] {
      expression = parts(expression, between: word)[0]
    }
    var others: [[UInt8]] = []
    let (text, isKnown) = composed(expression, &others)
    if isKnown {
      return Script(String(decoding: text, as: UTF8.self)).statements.flatMap {
        $0.hasWords("do") ? [] : $0.dataLoss
      }
    }
    // It shows whether something is deleted, though not what.
    return ([text] + others).flatMap { Script(String(decoding: $0, as: UTF8.self)).statements }
      .filter { !$0.hasWords("do") && !$0.dataLoss.isEmpty }
      .map {
        .uncounted("what a DO block names when it runs (\($0.text(of: $0.tokens[0]).uppercased()) …)")
      }
  }

  /// The text that an expression puts together, with the name `_` for each part that is not a string.
  ///
  /// - Parameter others: gets the strings that may become a part of it in a way that is not followed.
  /// - Returns: whether the text is known, and not put together at all.
  private func composed(
    _ expression: Range<Int>,
    _ others: inout [[UInt8]],
    depth: Int = 0
  ) -> (text: [UInt8], isKnown: Bool) {
    let unknown = Array("_".utf8)
    guard let first = expression.first else { return (unknown, false) }
    if expression.count == 1, let text = content(of: tokens[first]) { return (text, true) }
    if depth < 32 {
      if endOfParentheses(at: first) == expression.upperBound {
        return composed(first + 1..<expression.upperBound - 1, &others, depth: depth + 1)
      }
      let operands = parts(expression, between: "||")
      if operands.count > 1 {
        return (operands.flatMap { composed($0, &others, depth: depth + 1).text }, false)
      }
      let name = hasWords("pg_catalog", at: first) && isSymbol(".", at: first + 1) ? first + 2 : first
      if endOfParentheses(at: name + 1) == expression.upperBound {
        let arguments = parts(name + 2..<expression.upperBound - 1, between: ",")
        if hasWords("format", at: name) {
          let (text, isKnown) = composed(arguments[0], &others, depth: depth + 1)
          if arguments.count == 1 { return (text, isKnown) }
          for argument in arguments.dropFirst() {
            others.append(composed(argument, &others, depth: depth + 1).text + Array(" _".utf8))
          }
          return (text.map { $0 == UInt8(ascii: "%") ? UInt8(ascii: "_") : $0 }, false)
        }
        let isSeparated = hasWords("concat_ws", at: name)
        if isSeparated || hasWords("concat", at: name) {
          let texts = arguments.dropFirst(isSeparated ? 1 : 0)
            .map { composed($0, &others, depth: depth + 1).text }
          return (Array(texts.joined(separator: isSeparated ? Array(" ".utf8) : [])), false)
        }
      }
    }
    others += expression.compactMap { content(of: tokens[$0]) }.map { $0 + Array(" _".utf8) }
    return (unknown, false)
  }

  /// Types whose columns go with them.
  private func droppedTypes(at kind: Int) -> [DataLoss] {
    if hasWords("type", at: kind) || hasWords("domain", at: kind) {
      return names(from: kind + 1).map {
        .columns(ofTypes: "t.oid = to_regtype(\(SQLValue.quotedLiteral($0)))")
      }
    }
    guard hasWords("extension", at: kind) else { return [] }
    return names(from: kind + 1).map { name in
      let quoted = SQLValue.quotedLiteral(name)
      return .columns(
        ofTypes: """
          t.oid IN (SELECT d.objid FROM pg_depend d JOIN pg_extension e ON d.refobjid = e.oid \
          WHERE d.classid = 'pg_type'::regclass AND d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e' \
          AND (quote_ident(e.extname) = \(quoted) OR e.extname = lower(\(quoted))))
          """
      )
    }
  }

  /// The statements of a DO block.
  private var blockStatements: [SQLStatement] {
    let body = tokens.indices.lazy.filter { !hasWords("language", at: $0 - 1) }
      .compactMap { content(of: tokens[$0]) }.first
    return body.map { Script(String(decoding: $0, as: UTF8.self)).statements } ?? []
  }

  /// What a string constant stands for, as far as the words in it go; nil for other tokens.
  private func content(of token: Token) -> [UInt8]? {
    let written = Array(text(of: token).utf8)
    if token.kind == .dollarString {
      guard let tag = written.dropFirst().firstIndex(of: UInt8(ascii: "$")) else { return nil }
      return Array(written[(tag + 1)...].dropLast(tag + 1))
    }
    guard token.kind == .string || token.kind == .escapeString else { return nil }
    var rest = Script.joiningLines(of: written[...], token.kind).drop { $0 != UInt8(ascii: "'") }.dropFirst()
      .dropLast()
    var content: [UInt8] = []
    while let byte = rest.popFirst() {
      let isEscape = byte == UInt8(ascii: "\\") && token.kind == .escapeString
      guard isEscape || byte == UInt8(ascii: "'"), let next = rest.popFirst() else {
        content.append(byte)
        continue
      }
      // `\n` and `\t` are white space between words.
      content.append(isEscape && "nrtbf".utf8.contains(next) ? UInt8(ascii: " ") : next)
    }
    return content
  }

  /// `ALTER TABLE old RENAME TO new`.
  fileprivate var renaming: (old: String, new: String)? {
    guard hasWords("alter", "table") else { return nil }
    var index = hasWords("if", "exists", at: 2) ? 4 : 2
    if hasWords("only", at: index) { index += 1 }
    guard let old = relationName(at: index), let end = qualifiedName(at: index)?.end,
      hasWords("rename", "to", at: end), let new = relationName(at: end + 2)
    else { return nil }
    return (old, new)
  }

  /// The names of a list, behind `IF EXISTS` and `ONLY`.
  private func names(from start: Int) -> [String] {
    var index = hasWords("if", "exists", at: start) ? start + 2 : start
    var found: [String] = []
    while true {
      if hasWords("only", at: index) { index += 1 }
      guard let name = relationName(at: index), let end = qualifiedName(at: index)?.end else { return found }
      found.append(name)
      index = isSymbol("*", at: end) ? end + 1 : end
      guard isSymbol(",", at: index) else { return found }
      index += 1
    }
  }

  private func droppedColumns(at start: Int) -> [DataLoss] {
    var index = hasWords("if", "exists", at: start) ? start + 2 : start
    if hasWords("only", at: index) { index += 1 }
    guard let table = relationName(at: index), let end = qualifiedName(at: index)?.end else { return [] }
    let starts = [end] + depthZeroIndices.filter { $0 > end && isSymbol(",", at: $0) }.map { $0 + 1 }
    return starts.compactMap { start in
      guard hasWords("drop", at: start), !hasWords("constraint", at: start + 1) else { return nil }
      var name = hasWords("column", at: start + 1) ? start + 2 : start + 1
      if hasWords("if", "exists", at: name) { name += 2 }
      return relationName(at: name).map { .column(table: table, name: $0) }
    }
  }
}

extension MigrationSession {
  /// Refuses a way down that deletes rows, unless the options allow that.
  /// - Throws: `MigrationError` with code `confirmationNeeded`, which says how many.
  func refuseDataLoss(of steps: [PlannedStep]) async throws {
    guard !options.deletesRows else { return }
    // Who confirms, confirms the whole run: all that it deletes is named at once.
    var first: PlannedStep?
    var losses: [String] = []
    // What a table that gets a name on the way is called today.
    var todays: [String: String] = [:]
    for step in steps where step.direction == .down {
      for statement in step.section.script.statements.dropFirst(step.statementsDone) {
        if let renaming = statement.renaming {
          todays[Self.bareName(renaming.new)] = todays[Self.bareName(renaming.old)] ?? renaming.old
        }
        for loss in statement.dataLoss.flatMap({ Self.alsoCalled($0, todays) }) {
          for line in try await describe(loss) where !losses.contains(line) {
            losses.append(line)
            first = first ?? step
          }
        }
      }
    }
    guard let first else { return }
    throw MigrationError(
      .confirmationNeeded,
      "the way down of \(first.id) \(first.migration.parsed.name) deletes data: \(losses.joined(separator: ", "))",
      hint: "Fix: save what is needed ('adbvec unload', pg_dump), then run the command again with --yes",
      at: first.section.location(ofByte: 0)
    )
  }

  /// A name without its schema, as it is compared.
  private static func bareName(_ name: String) -> String {
    let bare = name.utf8.split(separator: UInt8(ascii: ".")).last.map { String(Substring($0)) } ?? name
    return bare.lowercased().filter { $0 != "\"" }
  }

  private static func alsoCalled(_ loss: DataLoss, _ todays: [String: String]) -> [DataLoss] {
    switch loss {
    case .table(let name): [loss] + [todays[bareName(name)]].compactMap { $0.map(DataLoss.table) }
    case .column(let table, let name):
      [loss] + [todays[bareName(table)]].compactMap { $0.map { .column(table: $0, name: name) } }
    default: [loss]
    }
  }

  /// What stands there to be lost, a line each; nothing where nothing does.
  private func describe(_ loss: DataLoss) async throws -> [String] {
    switch loss {
    case .uncounted(let what): return [what]
    case .table(let name): return try await rows("c.oid = \(StatementOutcome.relation(name))")
    case .schema(let name):
      let isThere =
        "n.oid = (SELECT oid FROM pg_namespace WHERE quote_ident(nspname) = \(SQLValue.quotedLiteral(name)) "
      return try await rows(
        isThere + "OR nspname = lower(\(SQLValue.quotedLiteral(name)))) "
          + "AND NOT EXISTS (SELECT 1 FROM pg_inherits WHERE inhrelid = c.oid)"
      )
    case .column(let table, let column):
      guard let qualified = try await tables("c.oid = \(StatementOutcome.relation(table))").first else {
        return []
      }
      let count = try? await connection.run(trusted: "SELECT count(\(column)) FROM \(qualified)").first?.rows
        .first?
        .first
      guard let count, count != "0" else { return [] }
      return ["\(count ?? "?") \(count == "1" ? "value" : "values") of \(qualified).\(column)"]
    case .columns(let types):
      var lines: [String] = []
      for (table, column) in try await columns(ofTypes: types) {
        lines += try await describe(.column(table: table, name: column))
      }
      return lines
    }
  }

  /// The columns of some types, of arrays of them and of domains over them.
  private func columns(ofTypes condition: String) async throws -> [(table: String, name: String)] {
    let found = try await connection.run(
      trusted: """
        SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname), quote_ident(a.attname) FROM pg_type t \
        JOIN pg_type u ON u.oid IN (t.oid, t.typarray) OR u.typbasetype = t.oid \
        JOIN pg_attribute a ON a.atttypid = u.oid AND a.attnum > 0 AND NOT a.attisdropped \
        JOIN pg_class c ON c.oid = a.attrelid AND c.relkind IN ('r', 'p') \
        JOIN pg_namespace n ON n.oid = c.relnamespace \
        WHERE \(condition) AND NOT EXISTS (SELECT 1 FROM pg_inherits h WHERE h.inhrelid = c.oid) ORDER BY 1, 2
        """
    )
    return found.first?.rows.compactMap { row in
      guard row.count == 2, let table = row[0], let name = row[1] else { return nil }
      return (table, name)
    } ?? []
  }

  private func rows(_ condition: String) async throws -> [String] {
    var lines: [String] = []
    for table in try await tables(condition) {
      do {
        let found = try await connection.run(trusted: "SELECT count(*) FROM \(table)")
        guard let count = found.first?.rows.first?.first.flatMap({ $0 }), count != "0" else { continue }
        lines.append("\(count) \(count == "1" ? "row" : "rows") of \(table)")
      } catch let error as PostgresError where error.sqlState == "42501" {
        lines.append("the rows of \(table), which this role may not count")
      }
    }
    return lines
  }

  private func tables(_ condition: String) async throws -> [String] {
    let found = try await connection.run(
      trusted: """
        SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname) FROM pg_class c \
        JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p') AND \(condition) ORDER BY 1
        """
    )
    return found.first?.rows.compactMap { $0.first ?? nil } ?? []
  }
}

internal import SQLLexer

/// What lint takes a server to be, beyond the dialect.
public struct LintTarget: Sendable, Hashable {
  /// Bytes in a page: 8192 for PostgreSQL as it comes, 32768 for Greenplum and AnalyticDB.
  public var pageSize: Int?
  /// AnalyticDB's major version, 6 or 7; nil lets pass what either knows.
  public var productVersion: Int?

  /// The dialect's usual server.
  public init(pageSize: Int? = nil, productVersion: Int? = nil) {
    self.pageSize = pageSize
    self.productVersion = productVersion
  }
}

extension Migrator {
  /// Finds in the files what locks or breaks a production database, and what is wrong with vectors and their indexes;
  /// asks no server. `-- lint:ignore D001 reason` in a file hides a rule there.
  public func lint(_ target: LintTarget = LintTarget()) -> [LintFinding] {
    var linter = Linter(
      dialect: dialect,
      capabilities: options.capabilities(over: dialect.assumedCapabilities),
      parameters: parameters,
      pageSize: target.pageSize ?? dialect.usualPageSize,
      productVersion: target.productVersion
    )
    return assumed.flatMap { linter.lint($0) }
  }
}

/// Reads migrations in their order and tells what would hurt.
struct Linter {
  let dialect: MigrationDialect
  let capabilities: Set<Capability>
  let parameters: ParameterSet
  /// Bytes in a page of the server.
  let pageSize: Int
  /// The product's major version, where it is known: 6 or 7 for AnalyticDB.
  let productVersion: Int?

  var catalog = LintCatalog()
  private(set) var findings: [LintFinding] = []
  private(set) var file = ""
  private var section: RenderedSection?

  init(
    dialect: MigrationDialect,
    capabilities: Set<Capability>,
    parameters: ParameterSet,
    pageSize: Int,
    productVersion: Int? = nil
  ) {
    self.dialect = dialect
    self.capabilities = capabilities
    self.parameters = parameters
    self.pageSize = pageSize
    self.productVersion = productVersion
  }

  /// The findings of one file; what it makes is remembered for the files behind it.
  mutating func lint(_ migration: RenderedMigration) -> [LintFinding] {
    findings = []
    file = migration.parsed.file.path
    let section = migration.upSection
    self.section = section
    for statement in section.script.statements {
      checkSafety(statement, inTransaction: section.options.transaction)
      checkVectors(statement)
      remember(statement)
    }
    if case .version = migration.id, migration.downSection == nil {
      report(
        .noWayDown,
        "this file has no section \"-- migrate:down\"",
        hint: "write one, or \"-- migrate:down irreversible\"",
        at: migration.parsed.location(migration.parsed.up.markOffset)
      )
    }
    return LintIgnores(migration.parsed.file).apply(to: findings, in: migration.parsed.file)
  }

  mutating func report(
    _ rule: LintRule,
    _ message: String,
    hint: String? = nil,
    _ statement: SQLStatement,
    token: Int? = nil
  ) {
    guard let section else { return }
    let location =
      token.map { section.location(ofByte: statement.tokens[$0].range.lowerBound) }
      ?? section.location(of: statement)
    report(rule, message, hint: hint, at: location)
  }

  private mutating func report(
    _ rule: LintRule,
    _ message: String,
    hint: String?,
    at location: SourceLocation
  ) {
    findings.append(LintFinding(rule: rule, message: message, hint: hint, location: location))
  }

  /// Whether a table is made by the file at hand: nobody can be using it yet.
  func isNew(_ table: String) -> Bool { catalog.tables[LintCatalog.key(table)]?.madeInFile == file }

  private mutating func remember(_ statement: SQLStatement) {
    if let shape = statement.tableShape {
      catalog.tables[shape.name] = .init(
        madeInFile: file,
        columns: shape.columns,
        keys: shape.keys,
        distribution: shape.distribution
      )
    } else if let index = statement.indexShape {
      let table = LintCatalog.key(index.build.table)
      if ["ann", "hnsw", "ivfflat"].contains(index.method) { catalog.tables[table]?.vectorIndexes += 1 }
      if let name = index.build.name { catalog.indexTables[name] = table }
    } else if statement.hasWords("alter", "table") {
      rememberAlteration(statement)
    } else if let table = statement.loadedTable {
      catalog.tables[table]?.hasRows = true
    }
  }

  private mutating func rememberAlteration(_ statement: SQLStatement) {
    guard let table = statement.alteredTable else { return }
    for index in statement.tokens.indices {
      if let column = statement.alteredColumn(at: index), statement.hasWords("set", "storage", at: index + 1)
      {
        catalog.tables[table]?.columns[column]?.isPlain = statement.hasWords("plain", at: index + 3)
      }
    }
  }
}

extension SQLStatement {
  /// The table of `ALTER TABLE`, folded.
  var alteredTable: String? {
    guard hasWords("alter", "table") else { return nil }
    var index = 2
    if hasWords("if", "exists", at: index) { index += 2 }
    if hasWords("only", at: index) { index += 1 }
    return qualifiedName(at: index).map { LintCatalog.key($0.text) }
  }

  /// The column when the token at `index` is the name behind `ALTER [COLUMN]` of an `ALTER TABLE`.
  func alteredColumn(at index: Int) -> String? {
    guard index > 2, tokens[index].kind == .word || tokens[index].kind == .quotedIdentifier else {
      return nil
    }
    guard hasWords("alter", "column", at: index - 2) || hasWords("alter", at: index - 1) else { return nil }
    return hasWords("column", at: index) ? nil : catalogueName(tokens[index])
  }

  /// The table that an INSERT or COPY … FROM fills.
  var loadedTable: String? {
    if hasWords("insert", "into") { return qualifiedName(at: 2).map { LintCatalog.key($0.text) } }
    guard hasWords("copy"), depthZeroIndices.contains(where: { hasWords("from", at: $0) }) else { return nil }
    return qualifiedName(at: 1).map { LintCatalog.key($0.text) }
  }
}

/// What the statements so far have made, as far as lint needs to know.
struct LintCatalog {
  struct Table {
    var madeInFile: String
    var columns: [String: Column] = [:]
    var keys: [[String]] = []
    /// The distribution key; empty for none, nil where the server chooses.
    var distribution: [String]?
    var vectorIndexes = 0
    var hasRows = false
  }

  struct Column: Hashable {
    /// The type's name in lower case: `vector`, `real[]`.
    var type: String
    /// `vector(1000)` has 1000.
    var dimensions: Int?
    var isPlain = false
  }

  var tables: [String: Table] = [:]
  var indexTables: [String: String] = [:]

  /// `public.t` and `t` are one table for lint.
  static func key(_ name: String) -> String {
    let folded = name.split(separator: ".").map { part in
      part.hasPrefix("\"") ? String(part.dropFirst().dropLast()) : part.lowercased()
    }
    return (folded.first == "public" ? Array(folded.dropFirst()) : folded).joined(separator: ".")
  }
}

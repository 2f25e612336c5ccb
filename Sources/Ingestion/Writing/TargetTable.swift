internal import Basics
internal import ImageSearch
internal import ImageSources
internal import PostgresClient
public import VectorSQL

/// The table that rows go to, and its columns.
public struct LoadTarget: Sendable, Hashable {
  /// The table.
  public var table: QualifiedName
  /// The key: integers, texts or UUIDs.
  public var idColumn: Identifier
  /// The class.
  public var labelColumn: Identifier
  /// The vector.
  public var vectorColumn: Identifier
  /// Where an image can be found again; written when the table has it and the rows come from images.
  public var sourceColumn: Identifier
  /// The SHA-256 of an image's file, in hexadecimal digits; written as the source is.
  public var hashColumn: Identifier

  /// A target; the columns' names are the tutorial's unless they are given.
  public init(
    table: QualifiedName,
    idColumn: Identifier = "id",
    labelColumn: Identifier = "class",
    vectorColumn: Identifier = "image_vector",
    sourceColumn: Identifier = "source",
    hashColumn: Identifier = "content_hash"
  ) {
    self.table = table
    self.idColumn = idColumn
    self.labelColumn = labelColumn
    self.vectorColumn = vectorColumn
    self.sourceColumn = sourceColumn
    self.hashColumn = hashColumn
  }
}

/// The target as a load finds it on the server.
struct TargetTable: Sendable, Hashable {
  /// The names of its columns.
  let target: LoadTarget
  /// What the catalogue says of it.
  let catalog: VectorTable
  /// Bytes in a page.
  let blockSize: Int
  /// Whether any row is there.
  let hasRows: Bool
  /// What else a load needs to know of it.
  var facts = Facts()

  /// What the catalogue says of the columns that a load writes.
  struct Facts: Sendable, Hashable {
    /// The values of the class column's type where it is an enumeration.
    var classValues: Set<String>?
    /// The most characters that columns take, by name: `varchar(20)`.
    var lengths: [String: Int] = [:]
    /// Columns that the server computes (`GENERATED ALWAYS AS (…) STORED`), so that no value can be given.
    var generated: Set<String> = []
    /// The unique indexes on the id alone, those of partitions among them, as errors name them.
    var idConstraints: Set<String> = []
    /// Whether a crash of the server empties the table.
    var isUnlogged = false
    /// The identity or serial sequence of the id column, quoted; nil without one.
    var sequence: String?
    /// Whether ids can only be given with `OVERRIDING SYSTEM VALUE`.
    var idIsAlwaysGenerated = false
    /// Indexes, by name as the catalogue of indexes gives it, that are dropped and made again only with these
    /// statements behind; nil for one that cannot be dropped.
    var restores: [String: [String]?] = [:]
  }

  /// Whether a valid unique index covers the id column alone.
  var hasUniqueID: Bool { catalog.column(target.idColumn)?.isUnique == true }
  /// Whether the table has the column for where images came from.
  var hasSource: Bool {
    ["text", "character varying", "citext"].contains(catalog.column(target.sourceColumn)?.typeName ?? "")
      && !facts.generated.contains(target.sourceColumn.name)
  }
  /// Whether the table has the column for the SHA-256 of an image's file.
  var hasHash: Bool {
    ["text", "character varying"].contains(catalog.column(target.hashColumn)?.typeName ?? "")
      && !facts.generated.contains(target.hashColumn.name)
      && facts.lengths[target.hashColumn.name].map { $0 >= 64 } ?? true
  }
  /// Whether rows can be looked up by their sources without reading all: the shipped migrations index them.
  var findsSources: Bool { hasSource && (hasHash || catalog.column(target.sourceColumn)?.isUnique == true) }
  /// Whether ids are integers.
  var idIsNumber: Bool { ["smallint", "integer", "bigint"].contains(idTypeName) }
  /// Whether ids are UUIDs.
  var idIsUUID: Bool { idTypeName == "uuid" }
  private var idTypeName: String { catalog.column(target.idColumn)?.typeName ?? "" }

  /// An id of a row whose column is `idValue`.
  func id(_ row: Row, at column: Int) throws -> ImageID? {
    idIsNumber
      ? try row.value(at: column, as: Int64?.self).map { ImageID($0) }
      : try row.value(at: column, as: String?.self).map { ImageID($0) }
  }

  /// The id as `id(_:at:)` reads it: a number, or a text.
  var idValue: SQL { "\(id: target.idColumn)\(idIsNumber ? "::int8" : "::text" as SQL)" }
  /// The indexes on the vector column.
  var vectorIndexes: [VectorTable.Index] { catalog.vectorIndexes }
  /// Whether the indexes can be dropped and made again from their definitions. Those of a partitioned table cannot:
  /// a definition speaks of the table alone (`ON ONLY`) and not of its parts.
  var hasDroppableIndexes: Bool {
    !catalog.hasParts && catalog.isOwned
      && !vectorIndexes.contains { $0.isAttached || facts.restores[$0.name] == .some(nil) }
  }
  /// Statements that give indexes back what their definitions do not hold.
  var indexRestores: [String] { vectorIndexes.flatMap { (facts.restores[$0.name] ?? nil) ?? [] } }

  /// Reads the catalogue and looks for a row.
  /// - Throws: `LoadError` with code `table` when the name is not a table's; `PostgresError`.
  static func read(_ target: LoadTarget, on connection: PostgresConnection) async throws -> TargetTable {
    let catalog: VectorTable
    do {
      catalog = try await VectorTable.read(target.table, vectorColumn: target.vectorColumn, from: connection)
    } catch let error as VectorTableError {
      throw LoadError(.table, error.description)
    }
    guard [.table, .partitioned].contains(catalog.kind) else {
      let kinds = ["v": "a view", "m": "a materialized view", "f": "a foreign table"]
      throw LoadError(
        .table,
        "\(target.table.quoted) is \(kinds[catalog.kind.rawValue] ?? "not a table"); rows are loaded into tables. "
          + "Fix: name the table with --table"
      )
    }
    let rows = try await connection.query(sql: "SELECT 1 FROM \(table: catalog.name) LIMIT 1")
    return TargetTable(
      target: target,
      catalog: catalog,
      blockSize: try await connection.capabilities().blockSize,
      hasRows: !rows.isEmpty,
      facts: try await Facts.read(target, catalog, on: connection)
    )
  }

  /// How many rows there are; counting ends at `limit`.
  func countRows(upTo limit: Int, on connection: PostgresConnection) async throws -> Int {
    let rows = try await connection.query(
      sql: "SELECT count(*) FROM (SELECT 1 FROM \(table: catalog.name) LIMIT \(limit)) AS t"
    )
    return try rows.first?.value(at: 0, as: Int.self) ?? 0
  }
}

extension TargetTable.Facts {
  /// Reads them; SQL that a 9.4 base understands.
  fileprivate static func read(
    _ target: LoadTarget,
    _ table: VectorTable,
    on connection: PostgresConnection
  ) async throws -> TargetTable.Facts {
    let version = connection.serverVersion
    let id = target.idColumn.name
    let rows = try await connection.query(
      sql: """
        SELECT c.relpersistence = 'u',
               (SELECT pg_get_serial_sequence(\(table.name.quoted), \(id)) FROM pg_attribute a
                WHERE a.attrelid = c.oid AND a.attname = \(id) AND NOT a.attisdropped),
               coalesce((SELECT \(version >= 100_000 ? "a.attidentity = 'a'" : "false" as SQL) FROM pg_attribute a
                         WHERE a.attrelid = c.oid AND a.attname = \(id) AND NOT a.attisdropped), false),
               ARRAY(SELECT x.relname::text FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid
                     JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
                     WHERE i.indisunique AND i.indnatts = 1 AND a.attname = \(id)
                       AND (i.indrelid = c.oid OR i.indrelid IN (
                         SELECT h.inhrelid FROM pg_inherits h WHERE h.inhparent = c.oid)))
        FROM pg_class c WHERE c.oid = \(Int64(table.oid))::oid
        """
    )
    var facts = TargetTable.Facts()
    if let row = rows.first {
      let constraints: [String]
      (facts.isUnlogged, facts.sequence, facts.idIsAlwaysGenerated, constraints) = try row.decode(
        Bool.self,
        String?.self,
        Bool.self,
        [String].self
      )
      facts.idConstraints = Set(constraints)
    }
    try await facts.readColumns(target, table, on: connection)
    guard !table.vectorIndexes.isEmpty else { return facts }
    facts.restores = try await restores(table, on: connection)
    return facts
  }

  /// What values the columns take.
  private mutating func readColumns(
    _ target: LoadTarget,
    _ table: VectorTable,
    on connection: PostgresConnection
  ) async throws {
    let names = [
      target.idColumn, target.labelColumn, target.vectorColumn, target.sourceColumn, target.hashColumn,
    ].map(\.name)
    let version = connection.serverVersion
    let rows = try await connection.query(
      sql: """
        SELECT s.name, s.length, s.generated, e.typtype = 'e',
               ARRAY(SELECT v.enumlabel::text FROM pg_enum v WHERE v.enumtypid = s.type)
        FROM (
          SELECT a.attname::text AS name, \(version >= 120_000 ? "a.attgenerated <> ''" : "false" as SQL) AS generated,
                 CASE t.typtype WHEN 'd' THEN t.typbasetype ELSE a.atttypid END AS type,
                 CASE t.typtype WHEN 'd' THEN t.typtypmod ELSE a.atttypmod END - 4 AS length
          FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
          WHERE a.attrelid = \(Int64(table.oid))::oid AND a.attname = ANY (\(names)) AND NOT a.attisdropped
        ) s JOIN pg_type e ON e.oid = s.type
        """
    )
    for row in rows {
      let (name, length, isGenerated, isEnum, values) = try row.decode(
        String.self,
        Int.self,
        Bool.self,
        Bool.self,
        [String].self
      )
      if isGenerated { generated.insert(name) }
      if isEnum, name == target.labelColumn.name { classValues = Set(values) }
      let type = table.columns.first { $0.name == name }?.typeName
      if length > 0, ["character varying", "character"].contains(type) { lengths[name] = length }
      // One byte of the 64 ends it (NAMEDATALEN).
      if type == "name" { lengths[name] = 63 }
    }
  }

  /// What an index has besides its definition: a tablespace, a comment, statistics targets and the mark for CLUSTER are
  /// given back; one that something else depends on stays.
  private static func restores(
    _ table: VectorTable,
    on connection: PostgresConnection
  ) async throws -> [String: [String]?] {
    let rows = try await connection.query(
      Statement(
        """
        SELECT i.indexrelid::regclass::text, n.nspname::text, x.relname::text, s.spcname::text,
               obj_description(x.oid, 'pg_class'), i.indisclustered,
               ARRAY(SELECT a.attnum || ' SET STATISTICS ' || a.attstattarget FROM pg_attribute a
                     WHERE a.attrelid = x.oid AND a.attstattarget > 0),
               EXISTS (SELECT 1 FROM pg_depend d WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = x.oid)
               OR EXISTS (SELECT 1 FROM pg_constraint k WHERE k.conindid = x.oid)
               OR EXISTS (SELECT 1 FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = x.oid
                          AND d.deptype NOT IN ('n', 'a'))
               OR i.indisreplident
        FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid JOIN pg_namespace n ON n.oid = x.relnamespace
        LEFT JOIN pg_tablespace s ON s.oid = x.reltablespace
        WHERE i.indrelid = $1::int8::oid
        """,
        binds: [.int8(Int64(table.oid))]
      )
    )
    var restores: [String: [String]?] = [:]
    for row in rows {
      let (name, schema, bare, tablespace, comment, isClustered, statistics, isNeeded) = try row.decode(
        String.self,
        String.self,
        String.self,
        String?.self,
        String?.self,
        Bool.self,
        [String].self,
        Bool.self
      )
      let index = QualifiedName(
        schema: try Identifier(validating: schema),
        name: try Identifier(validating: bare)
      )
      var statements: [SQL] = []
      if let tablespace {
        let tablespace = try Identifier(validating: tablespace)
        statements.append("ALTER INDEX \(table: index) SET TABLESPACE \(id: tablespace)")
      }
      statements += statistics.map { "ALTER INDEX \(table: index) ALTER COLUMN \(SQL(trusted: $0))" }
      if isClustered { statements.append("ALTER TABLE \(table: table.name) CLUSTER ON \(id: index.name)") }
      if let comment { statements.append("COMMENT ON INDEX \(table: index) IS \(comment)") }
      let texts = try statements.map { try $0.renderedWithConstants().text }
      restores.updateValue(isNeeded ? nil : texts, forKey: name)
    }
    return restores
  }
}

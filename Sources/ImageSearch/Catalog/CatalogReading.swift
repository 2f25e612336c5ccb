public import PostgresClient
public import VectorSQL

extension VectorTable {
  /// Reads a table's description; SQL that a 9.4 base (Greenplum 6) understands.
  ///
  /// - Parameter vectorColumn: the column whose indexes are wanted.
  /// - Throws: `VectorTableError` when the table is not there; `PostgresError`.
  public static func read(
    _ name: QualifiedName,
    vectorColumn: Identifier,
    from connection: PostgresConnection
  ) async throws -> VectorTable {
    let rows = try await connection.query(
      Statement(
        trusted: tableQuery(hasRowSecurity: connection.serverVersion >= 90_500),
        binds: [.text(name.name.name), name.schema.map { .text($0.name) } ?? .null]
      )
    )
    guard let row = rows.first else {
      throw VectorTableError.missing(name)
    }
    let (oid, schema, kind, estimate, isOwned, hasTriggers, hasParts, hasRowSecurity) = try row.decode(
      UInt32.self,
      String.self,
      String.self,
      Double.self,
      Bool.self,
      Bool.self,
      Bool.self,
      Bool.self
    )
    let parts = hasParts ? try await readParts(oid, vectorColumn, connection) : []
    let partRows = parts.map { max(0, $0.estimatedRows) }.reduce(0, +)
    return VectorTable(
      name: QualifiedName(schema: try Identifier(validating: schema), name: name.name),
      oid: oid,
      kind: Kind(rawValue: kind),
      columns: try await readColumns(oid, connection),
      vectorIndexes: try await readIndexes([oid], vectorColumn, connection).map(\.index),
      parts: parts,
      estimatedRows: hasParts
        ? max(0, kind == Kind.partitioned.rawValue ? 0 : estimate) + partRows : estimate,
      isOwned: isOwned,
      hasParts: hasParts,
      hasRowSecurity: hasRowSecurity,
      mayHaveTriggers: hasTriggers || kind != Kind.table.rawValue
    )
  }

  private static func readColumns(_ oid: UInt32, _ connection: PostgresConnection) async throws -> [Column] {
    let query = columnQuery(hasIdentity: connection.serverVersion >= 100_000)
    return try await connection.query(Statement(trusted: query, binds: [.int8(Int64(oid))])).map { row in
      let (name, type, typeOID, isRequired, hasDefault, isUnique, storage, isDomain) = try row.decode(
        String.self,
        String.self,
        UInt32.self,
        Bool.self,
        Bool.self,
        Bool.self,
        String.self,
        Bool.self
      )
      return Column(
        name: name,
        type: type,
        typeOID: typeOID,
        isRequired: isRequired,
        hasDefault: hasDefault,
        isUnique: isUnique,
        storage: storage,
        isDomain: isDomain
      )
    }
  }

  private static func readParts(
    _ oid: UInt32,
    _ column: Identifier,
    _ connection: PostgresConnection
  ) async throws -> [Part] {
    let rows = try await connection.query(Statement(trusted: partQuery, binds: [.int8(Int64(oid))])).map {
      row in
      try row.decode(UInt32.self, String.self, Double.self)
    }
    let indexes = try await readIndexes(rows.map(\.0), column, connection)
    return rows.map { oid, name, estimate in
      Part(
        name: name,
        estimatedRows: estimate,
        vectorIndexes: indexes.filter { $0.table == oid }.map(\.index)
      )
    }
  }

  private static func readIndexes(
    _ tables: [UInt32],
    _ column: Identifier,
    _ connection: PostgresConnection
  ) async throws -> [(table: UInt32, index: Index)] {
    let binds: [SQLValue] = [.int8Array(tables.map(Int64.init)), .text(column.name)]
    return try await connection.query(Statement(trusted: indexQuery, binds: binds)).map { row in
      let (
        table, name, method, operatorClass, options, definition, isValid, isAttached, expression, predicate,
        comment
      ) = try row.decode(
        UInt32.self,
        String.self,
        String.self,
        String.self,
        [String].self,
        String.self,
        Bool.self,
        Bool.self,
        String?.self,
        String?.self,
        String?.self
      )
      let index = Index(
        name: name,
        method: method,
        operatorClass: operatorClass,
        options: parse(options),
        definition: definition,
        isAttached: isAttached,
        isValid: isValid,
        expression: expression,
        predicate: predicate,
        comment: comment
      )
      return (table, index)
    }
  }

  private static func parse(_ options: [String]) -> [String: String] {
    let pairs = options.map { $0.split(separator: "=", maxSplits: 1) }
    return Dictionary(
      pairs.map { ($0[0].lowercased(), $0.count > 1 ? String($0[1]) : "") },
      uniquingKeysWith: { _, last in last }
    )
  }
}

extension QualifiedName {
  /// `schema.table` for messages, without quotes.
  package var display: String {
    (schema.map { $0.name + "." } ?? "") + name.name
  }
}

extension VectorTable {
  /// Everything that has columns can be named, a view too; what it is good for is for others to say.
  /// Row security came with PostgreSQL 9.5.
  static func tableQuery(hasRowSecurity: Bool) -> String {
    """
    SELECT c.oid, n.nspname::text, c.relkind::text, c.reltuples::float8, pg_has_role(c.relowner, 'USAGE'),
           c.relhastriggers, c.relkind = 'p' OR EXISTS (SELECT 1 FROM pg_inherits h WHERE h.inhparent = c.oid),
           \(hasRowSecurity ? "row_security_active(c.oid)" : "false")
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relname = $1 AND c.relkind IN ('r', 'p', 'm', 'v', 'f')
      AND CASE WHEN $2::text IS NULL THEN pg_table_is_visible(c.oid) ELSE n.nspname = $2::text END
    """
  }

  /// Identity columns came with PostgreSQL 10; a 9.4 base lacks their column in the catalogue. A domain counts as the
  /// type that it is made of, whose values and operators it has.
  static func columnQuery(hasIdentity: Bool) -> String {
    """
    SELECT a.attname::text,
           CASE t.typtype WHEN 'd' THEN format_type(t.typbasetype, t.typtypmod) ELSE format_type(a.atttypid, a.atttypmod) END,
           CASE t.typtype WHEN 'd' THEN t.typbasetype ELSE a.atttypid END, a.attnotnull OR t.typnotnull,
           a.atthasdef OR t.typdefault IS NOT NULL OR \(hasIdentity ? "a.attidentity <> ''" : "false"),
           EXISTS (SELECT 1 FROM pg_index i
                   WHERE i.indrelid = a.attrelid AND i.indkey[0] = a.attnum AND i.indnatts = 1 AND i.indisunique
                     AND i.indimmediate AND i.indisvalid AND i.indpred IS NULL),
           a.attstorage::text, t.typtype = 'd'
    FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
    WHERE a.attrelid = $1::int8::oid AND a.attnum > 0 AND NOT a.attisdropped
    ORDER BY a.attnum
    """
  }

  /// What holds the rows of a partitioned or inherited table.
  static let partQuery = """
    WITH RECURSIVE part AS (
      SELECT inhrelid FROM pg_inherits WHERE inhparent = $1::int8::oid
      UNION SELECT h.inhrelid FROM pg_inherits h JOIN part p ON h.inhparent = p.inhrelid
    )
    SELECT c.oid, c.oid::regclass::text, c.reltuples::float8
    FROM part p JOIN pg_class c ON c.oid = p.inhrelid WHERE c.relkind IN ('r', 'f') ORDER BY c.oid
    """

  /// Any access method that is not one of PostgreSQL's own or Greenplum's may serve vectors. An index on an expression has no
  /// column number; its text names the column.
  static let indexQuery = """
    SELECT i.indrelid, i.indexrelid::regclass::text, m.amname::text, o.opcname::text, coalesce(x.reloptions, '{}')::text[],
           pg_get_indexdef(i.indexrelid), i.indisvalid,
           EXISTS (SELECT 1 FROM pg_inherits h WHERE h.inhrelid = i.indexrelid),
           CASE WHEN i.indkey[0] = 0 THEN pg_get_indexdef(i.indexrelid, 1, true) END,
           pg_get_expr(i.indpred, i.indrelid, true), obj_description(i.indexrelid, 'pg_class')
    FROM pg_index i
    JOIN pg_class x ON x.oid = i.indexrelid
    JOIN pg_am m ON m.oid = x.relam
    JOIN pg_opclass o ON o.oid = i.indclass[0]
    JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attname = $2
    WHERE i.indrelid = ANY ($1::int8[]::oid[])
      AND m.amname NOT IN ('btree', 'hash', 'gin', 'gist', 'spgist', 'brin', 'bitmap')
      AND (i.indkey[0] = a.attnum
           OR i.indkey[0] = 0 AND position(quote_ident($2) in pg_get_indexdef(i.indexrelid, 1, true)) > 0)
    ORDER BY i.indisvalid DESC, i.indexrelid
    """
}

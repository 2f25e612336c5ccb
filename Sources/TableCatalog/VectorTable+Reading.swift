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
    let binds: [SQLValue] = [.text(name.name.name), name.schema.map { .text($0.name) } ?? .null]
    let rows = try await connection.query(Statement(trusted: columnQuery, binds: binds))
    guard let first = rows.first else {
      throw VectorTableError(
        code: .missingTable,
        description: "the table \(name.display) does not exist in this database; make it: adbvec migrate up"
      )
    }
    let (schema, _, _, _, _, estimate) = try first.decode(
      String.self,
      String.self,
      String.self,
      Bool.self,
      String.self,
      Double.self
    )
    let columns = try rows.map { row in
      let (_, name, type, isRequired, storage, _) = try row.decode(
        String.self,
        String.self,
        String.self,
        Bool.self,
        String.self,
        Double.self
      )
      return Column(name: name, type: type, isRequired: isRequired, storage: storage)
    }
    let found = QualifiedName(schema: try Identifier(validating: schema), name: name.name)
    return VectorTable(
      name: found,
      columns: columns,
      vectorIndexes: try await readIndexes(found, vectorColumn, connection),
      estimatedRows: estimate
    )
  }

  private static func readIndexes(
    _ name: QualifiedName,
    _ column: Identifier,
    _ connection: PostgresConnection
  ) async throws -> [Index] {
    let binds: [SQLValue] = [
      .text(name.name.name), .text(name.schema?.name ?? "public"), .text(column.name),
    ]
    return try await connection.query(Statement(trusted: indexQuery, binds: binds)).map { row in
      let (name, method, operatorClass, options, isValid) = try row.decode(
        String.self,
        String.self,
        String.self,
        String?.self,
        Bool.self
      )
      return Index(
        name: name,
        method: method,
        operatorClass: operatorClass,
        options: parse(options),
        isValid: isValid
      )
    }
  }

  private static func parse(_ options: String?) -> [String: String] {
    let pairs = (options ?? "").split(separator: "\n").map { $0.split(separator: "=", maxSplits: 1) }
    return Dictionary(
      pairs.map { ($0[0].lowercased(), $0.count > 1 ? String($0[1]) : "") },
      uniquingKeysWith: { _, last in last }
    )
  }

  private static let columnQuery = """
    SELECT n.nspname::text, a.attname::text, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attstorage::text,
           c.reltuples::float8
    FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    WHERE c.relname = $1 AND c.relkind IN ('r', 'p', 'm')
      AND CASE WHEN $2::text IS NULL THEN pg_table_is_visible(c.oid) ELSE n.nspname = $2::text END
    ORDER BY a.attnum
    """

  /// An index on an expression has no column number; its text names the column.
  private static let indexQuery = """
    SELECT i.indexrelid::regclass::text, m.amname::text, o.opcname::text, array_to_string(x.reloptions, E'\\n'),
           i.indisvalid
    FROM pg_index i
    JOIN pg_class c ON c.oid = i.indrelid
    JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_class x ON x.oid = i.indexrelid
    JOIN pg_am m ON m.oid = x.relam
    JOIN pg_opclass o ON o.oid = i.indclass[0]
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = $3
    WHERE c.relname = $1 AND n.nspname = $2 AND m.amname IN ('hnsw', 'ivfflat', 'ann')
      AND (i.indkey[0] = a.attnum
           OR i.indkey[0] = 0 AND position(quote_ident($3) in pg_get_indexdef(i.indexrelid, 1, true)) > 0)
    ORDER BY i.indisvalid DESC, i.indexrelid
    """
}

extension QualifiedName {
  /// `schema.table` for messages, without quotes.
  var display: String {
    (schema.map { $0.name + "." } ?? "") + name.name
  }
}

public import PostgresClient
internal import VectorSQL

extension TableShape {
  /// Reads a table's shape from the catalogue; nothing here is missing on a 9.4 base.
  /// - Throws: `LoadError` with code `table` when there is no such table; `PostgresError`.
  public static func read(_ target: LoadTarget, on connection: PostgresConnection) async throws -> TableShape
  {
    let found = try await connection.query(
      Statement(
        """
        SELECT c.oid, c.relkind::text, pg_has_role(c.relowner, 'USAGE'), c.relhastriggers FROM pg_class c
        WHERE c.oid = (SELECT r.oid FROM pg_class r JOIN pg_namespace n ON n.oid = r.relnamespace
                       WHERE r.relname = $1 AND (n.nspname = $2 OR ($2 IS NULL AND pg_table_is_visible(r.oid))))
        """,
        binds: [.text(target.table.name.name), target.table.schema.map { .text($0.name) } ?? .text("")]
          .nullingEmpty()
      )
    )
    guard let row = found.first else {
      throw LoadError(
        .table,
        "there is no table \(target.table.quoted) in this database; create it first (adbvec migrate up)"
      )
    }
    let (oid, kind, isOwned, hasTriggers) = try row.decode(UInt32.self, String.self, Bool.self, Bool.self)
    return TableShape(
      oid: oid,
      kind: kind,
      columns: try await columns(oid, connection),
      hasUniqueID: try await hasUniqueID(oid, target, connection),
      vectorIndexes: try await vectorIndexes(oid, target, connection),
      blockSize: try await connection.capabilities().blockSize,
      isOwned: isOwned,
      mayHaveTriggers: hasTriggers || kind != "r",
      hasRows: try await hasRows(target, kind, connection)
    )
  }

  private static func columns(_ oid: UInt32, _ connection: PostgresConnection) async throws -> [Column] {
    // Generated and identity columns came after 9.4; to_jsonb of the row would, too, so the version decides.
    let identity = connection.serverVersion >= 100_000 ? "a.attidentity <> ''" : "false"
    let rows = try await connection.query(
      Statement(
        trusted: """
          SELECT a.attname::text, a.atttypid, t.typname::text, a.atttypmod, a.attnotnull,
                 a.atthasdef OR \(identity), a.attstorage::text
          FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
          WHERE a.attrelid = $1::int8::oid AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum
          """,
        binds: [.int8(Int64(oid))]
      )
    )
    return try rows.map { row in
      let (name, type, typeName, modifier, notNull, hasDefault, storage) = try row.decode(
        String.self,
        UInt32.self,
        String.self,
        Int.self,
        Bool.self,
        Bool.self,
        String.self
      )
      return Column(
        name: name,
        typeOID: type,
        typeName: typeName,
        modifier: modifier,
        isNotNull: notNull,
        hasDefault: hasDefault,
        storage: storage
      )
    }
  }

  private static func hasUniqueID(
    _ oid: UInt32,
    _ target: LoadTarget,
    _ connection: PostgresConnection
  ) async throws -> Bool {
    let rows = try await connection.query(
      Statement(
        """
        SELECT 1 FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
        WHERE i.indrelid = $1::int8::oid AND i.indisunique AND i.indisvalid AND i.indnatts = 1
          AND i.indpred IS NULL AND a.attname = $2 LIMIT 1
        """,
        binds: [.int8(Int64(oid)), .text(target.idColumn.name)]
      )
    )
    return !rows.isEmpty
  }

  private static func vectorIndexes(
    _ oid: UInt32,
    _ target: LoadTarget,
    _ connection: PostgresConnection
  ) async throws -> [VectorIndex] {
    let rows = try await connection.query(
      Statement(
        """
        SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname), m.amname::text, o.opcname::text,
               coalesce(c.reloptions, '{}')::text[], pg_get_indexdef(c.oid), i.indisvalid
        FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace
          JOIN pg_am m ON m.oid = c.relam JOIN pg_opclass o ON o.oid = i.indclass[0]
          JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attname = $2
        WHERE i.indrelid = $1::int8::oid AND m.amname NOT IN ('btree', 'hash', 'gin', 'brin')
          AND (i.indkey[0] = a.attnum OR (i.indkey[0] = 0 AND strpos(pg_get_expr(i.indexprs, i.indrelid), $2) > 0))
        ORDER BY c.relname
        """,
        binds: [.int8(Int64(oid)), .text(target.vectorColumn.name)]
      )
    )
    return try rows.map { row in
      let (name, method, operatorClass, options, definition, isValid) = try row.decode(
        String.self,
        String.self,
        String.self,
        [String].self,
        String.self,
        Bool.self
      )
      return VectorIndex(
        name: name,
        method: method,
        operatorClass: operatorClass,
        options: options,
        definition: definition,
        isValid: isValid
      )
    }
  }

  private static func hasRows(
    _ target: LoadTarget,
    _ kind: String,
    _ connection: PostgresConnection
  ) async throws -> Bool {
    guard ["r", "p"].contains(kind) else { return false }
    let rows = try await connection.query(
      Statement(trusted: "SELECT 1 FROM \(target.table.quoted) LIMIT 1")
    )
    return !rows.isEmpty
  }
}

extension [SQLValue] {
  /// NULL in place of empty text.
  fileprivate func nullingEmpty() -> [SQLValue] {
    map { $0 == .text("") ? .null : $0 }
  }
}

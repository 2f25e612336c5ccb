internal import ImageSearch
internal import PostgresClient
internal import VectorSQL

/// What hangs on a column of vectors beside its plain indexes: what moves to the new column, and what cannot.
struct ColumnDependents: Sendable {
  /// Something that depends on the column.
  struct Dependent: Sendable, Hashable {
    /// As the server names it: `view best_images`.
    var name: String
    /// What makes it again once the new vectors have the column's name; nil where nothing does.
    var statements: [String]?
    /// Whether it can be made again only when the type stays.
    var needsSameType: Bool
  }

  /// Views, triggers and all else that names the column.
  let dependents: [Dependent]
  /// What the new column gets of the old one at once: rights, comment, statistics target and storage.
  let traits: [String]
  /// Whether a switch has put `CHECK (column IS NOT NULL)` in the place of the old column's NOT NULL.
  let hasRequiredCheck: Bool
  /// What a person should know before the change, a sentence each.
  let notes: [String]

  static func read(
    _ table: VectorTable,
    _ change: VectorChange,
    _ server: ServerCapabilities,
    on connection: PostgresConnection
  ) async throws -> ColumnDependents {
    let required = try await connection.query(
      Statement(
        "SELECT 1 FROM pg_constraint WHERE conrelid = $1::int8::oid AND conname = $2",
        binds: [.int8(Int64(table.oid)), .text(change.required.name)]
      )
    )
    return ColumnDependents(
      dependents: try await dependents(table, change, on: connection),
      traits: try await grants(table, change, on: connection) + traits(table, change, server, on: connection),
      hasRequiredCheck: !required.isEmpty,
      notes: try await notes(table, change, on: connection)
    )
  }

  /// What depends on the column; indexes that are built on the new one too and NOT NULL excepted.
  private static func dependents(
    _ table: VectorTable,
    _ change: VectorChange,
    on connection: PostgresConnection
  ) async throws -> [Dependent] {
    let rows = try await connection.query(
      Statement(
        """
        SELECT DISTINCT pg_describe_object(d.classid, d.objid, d.objsubid), v.relkind::text,
               quote_ident(n.nspname) || '.' || quote_ident(v.relname), pg_get_viewdef(v.oid),
               array_to_string(v.reloptions, ', '), quote_ident(t.tgname), pg_get_triggerdef(t.oid), i.relname::text,
               CASE t.tgenabled WHEN 'D' THEN 'DISABLE' WHEN 'R' THEN 'ENABLE REPLICA' WHEN 'A' THEN 'ENABLE ALWAYS' END
        FROM pg_depend d
        JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
        LEFT JOIN pg_rewrite r ON d.classid = 'pg_rewrite'::regclass AND r.oid = d.objid
        LEFT JOIN pg_class v ON v.oid = r.ev_class
        LEFT JOIN pg_namespace n ON n.oid = v.relnamespace
        LEFT JOIN pg_trigger t ON d.classid = 'pg_trigger'::regclass AND t.oid = d.objid
        LEFT JOIN pg_class i ON d.classid = 'pg_class'::regclass AND i.oid = d.objid
        WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = $1::int8::oid AND a.attname = $2
          AND NOT EXISTS (SELECT 1 FROM pg_constraint k WHERE d.classid = 'pg_constraint'::regclass AND k.oid = d.objid
                          AND k.contype = 'n')
        ORDER BY 1
        """,
        binds: [.int8(Int64(table.oid)), .text(change.column.name)]
      )
    )
    let rebuilt = Set(table.vectorIndexes.filter(\.isRebuiltByChange).map { bare($0.name) })
    return try rows.compactMap { row in
      let (description, kind, view, definition, options, trigger, triggerDefinition, index, state) =
        try row.decode(
          String.self,
          String?.self,
          String?.self,
          String?.self,
          String?.self,
          String?.self,
          String?.self,
          String?.self,
          String?.self
        )
      if let index, rebuilt.contains(index) { return nil }
      var statements: [String]?
      if kind == "v", let view, let definition {
        let with = options.map { " WITH (\($0))" } ?? ""
        statements = ["CREATE OR REPLACE VIEW \(view)\(with) AS\n\(definition.trimmedSemicolon)"]
      } else if let trigger, let triggerDefinition {
        let name = change.sql(change.table)
        statements = ["DROP TRIGGER \(trigger) ON \(name)", triggerDefinition]
        if let state { statements?.append("ALTER TABLE \(name) \(state) TRIGGER \(trigger)") }
      }
      return Dependent(name: description, statements: statements, needsSameType: kind != nil)
    }
  }

  /// The name of an index without its schema and quotes.
  private static func bare(_ name: String) -> String {
    (try? QualifiedName(validating: name))?.name.name ?? name
  }

  /// Rights on the column alone.
  private static func grants(
    _ table: VectorTable,
    _ change: VectorChange,
    on connection: PostgresConnection
  ) async throws -> [String] {
    try await connection.query(
      Statement(
        """
        SELECT g.privilege_type::text, CASE WHEN g.grantee = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(g.grantee)) END,
               g.is_grantable
        FROM pg_attribute a, aclexplode(a.attacl) g
        WHERE a.attrelid = $1::int8::oid AND a.attname = $2 ORDER BY 1, 2
        """,
        binds: [.int8(Int64(table.oid)), .text(change.column.name)]
      )
    ).map { row in
      let (privilege, role, isGrantable) = try row.decode(String.self, String.self, Bool.self)
      return "GRANT \(privilege) (\(change.sql(change.next))) ON \(change.sql(change.table)) TO \(role)"
        + (isGrantable ? " WITH GRANT OPTION" : "")
    }
  }

  /// A comment is copied by the server, since its text may be anything. Citus passes on neither storage nor statistics.
  private static func traits(
    _ table: VectorTable,
    _ change: VectorChange,
    _ server: ServerCapabilities,
    on connection: PostgresConnection
  ) async throws -> [String] {
    let (name, next) = (change.sql(change.table), change.sql(change.next))
    let row = try await connection.query(
      Statement(
        """
        SELECT a.attnum::int4, coalesce(a.attstattarget, -1)::int4,
               CASE WHEN a.attstorage = t.typstorage OR a.attstorage = 'p' THEN NULL
                    ELSE CASE a.attstorage WHEN 'm' THEN 'MAIN' WHEN 'e' THEN 'EXTERNAL' ELSE 'EXTENDED' END END,
               col_description(a.attrelid, a.attnum) IS NOT NULL
        FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
        WHERE a.attrelid = $1::int8::oid AND a.attname = $2
        """,
        binds: [.int8(Int64(table.oid)), .text(change.column.name)]
      )
    ).first
    guard let row else { return [] }
    let (number, target, storage, hasComment) = try row.decode(Int.self, Int.self, String?.self, Bool.self)
    var lines: [String] = []
    if server.engine.placement != .function {
      if let storage { lines.append("ALTER TABLE \(name) ALTER COLUMN \(next) SET STORAGE \(storage)") }
      if target >= 0 { lines.append("ALTER TABLE \(name) ALTER COLUMN \(next) SET STATISTICS \(target)") }
    }
    if hasComment {
      lines.append(
        "DO $adbvec$ BEGIN\n  EXECUTE 'COMMENT ON COLUMN \(name).\(next) IS ' || "
          + "quote_literal(col_description('\(name)'::regclass, \(number)));\nEND $adbvec$"
      )
    }
    return lines
  }

  private static func notes(
    _ table: VectorTable,
    _ change: VectorChange,
    on connection: PostgresConnection
  ) async throws -> [String] {
    let rows = try await connection.query(
      Statement(
        """
        SELECT 'function', p.oid::regprocedure::text FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang
        WHERE l.lanname IN ('sql', 'plpgsql') AND position($2 in p.prosrc) > 0 AND p.prorettype <> 'trigger'::regtype
        UNION ALL
        SELECT 'trigger', tgname::text FROM pg_trigger
        WHERE tgrelid = $1::int8::oid AND NOT tgisinternal AND tgtype & 16 = 16 AND tgattr::text = '' AND tgenabled IN ('O', 'A')
        ORDER BY 1, 2
        """,
        binds: [.int8(Int64(table.oid)), .text(table.name.name.name)]
      )
    )
    let found = Dictionary(grouping: try rows.map { try $0.decode(String.self, String.self) }, by: \.0)
      .mapValues { $0.map(\.1).joined(separator: ", ") }
    var notes: [String] = []
    if let names = found["function"] {
      notes.append(
        "\(names) may name \(table.name.quoted): SELECT * and %ROWTYPE have two more columns from the first file on, and another "
          + "order behind the switch"
      )
    }
    if let names = found["trigger"] {
      notes.append("\(names) on \(table.name.quoted) runs for each row that the backfill writes")
    }
    return notes
  }
}

extension VectorTable.Index {
  /// Whether a change builds one like it on the new column.
  var isRebuiltByChange: Bool { expression == nil && predicate == nil || firstPassMetric != nil }
}

extension String {
  fileprivate var trimmedSemicolon: String {
    var text = Substring(self)
    while let last = text.last, last == ";" || last.isWhitespace { text.removeLast() }
    return String(text)
  }
}

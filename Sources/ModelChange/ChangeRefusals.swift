internal import ImageSearch
internal import PostgresClient
internal import VectorSQL

/// Tables whose vectors cannot be changed in place. Each is found before anything is written, with a way that works.
extension ChangedTable {
  /// - Throws: `ChangeError` that names what stands in the way; `PostgresError`.
  static func refuseOddTables(
    _ table: VectorTable,
    _ change: VectorChange,
    _ server: ServerCapabilities,
    on connection: PostgresConnection
  ) async throws {
    let name = table.name.quoted
    if table.kind != .table && table.kind != .partitioned { throw ChangeError("\(name) is not a table") }
    if table.kind == .partitioned || table.hasParts {
      throw ChangeError(
        "\(name) has partitions or children, on which no index is built concurrently. Fix: fill another such table, by 'adbvec "
          + "embed-load --table' for another model or by INSERT … SELECT for another type, and exchange the names"
      )
    }
    guard table.isOwned else {
      throw ChangeError("only the owner of \(name) can change its columns. Fix: run as its owner")
    }
    if table.hasRowSecurity {
      throw ChangeError(
        "policies of \(name) hide rows from this user, which would stay without a new vector. Fix: run as a role with BYPASSRLS"
      )
    }
    guard !isUnderWay(table, change) else { return }
    let rows = try await connection.query(
      Statement(
        trusted: obstacles(server.serverVersion),
        binds: [.int8(Int64(table.oid)), .text(change.column.name), .text(change.insertTrigger.name)]
      )
    )
    let found = try rows.map { try $0.decode(String.self, String.self) }
    if let first = found.first, let obstacle = Obstacle(rawValue: first.0) {
      let names = found.filter { $0.0 == first.0 }.map(\.1).joined(separator: ", ")
      throw ChangeError(obstacle.message(name, change, names))
    }
    try await refuseCopies(table, server, on: connection)
  }

  /// Whether the columns of a change are there already.
  static func isUnderWay(_ table: VectorTable, _ change: VectorChange) -> Bool {
    [change.next, change.previous, change.state].contains { table.column($0) != nil }
  }

  /// What stands in the way of a change, in the order in which it is told.
  private enum Obstacle: String {
    case parent, type, create, trigger, domain, generated, rule, order, publication, label

    func message(_ table: String, _ change: VectorChange, _ names: String) -> String {
      let column = change.column.quoted
      return switch self {
      case .parent:
        "\(table) is a partition or child of \(names), which gives it its columns. Fix: ALTER TABLE \(names) DETACH PARTITION "
          + "\(table) (or NO INHERIT \(names) in the child) before the change"
      case .type:
        "\(table) is a table OF \(names), which gives it its columns. Fix: ALTER TABLE \(table) NOT OF"
      case .create:
        "this user may not create a function and indexes in the schema of \(table). Fix: GRANT CREATE ON SCHEMA \(names) TO the "
          + "owner of the table"
      case .trigger:
        "this user may not create triggers on \(table). Fix: GRANT TRIGGER ON \(table) TO \(names)"
      case .domain:
        "\(column) of \(table) has the domain \(names), whose rules the new column would not have. Fix: ALTER TABLE \(table) ALTER "
          + "COLUMN \(column) TYPE the type below it, in a migration before the change"
      case .generated:
        "\(column) of \(table) is a generated column, and nothing can write it. Fix: change what it is generated from, or "
          + "ALTER TABLE \(table) ALTER COLUMN \(column) DROP EXPRESSION before the change"
      case .rule:
        "the rules \(names) rewrite what is done to \(table). Fix: DROP RULE in a migration before the change, and a trigger in "
          + "their place"
      case .order:
        "the triggers \(names) of \(table) run after those of the change, which would not see the vectors that they write. Fix: "
          + "ALTER TRIGGER … ON \(table) RENAME TO a name before \(change.insertTrigger.quoted) in the alphabet"
      case .publication:
        "\(table) is published by \(names): subscribers have no column \(change.next.name), and their replication would stop. Fix: "
          + "ALTER PUBLICATION … DROP TABLE (DROP PUBLICATION where it is one for all tables) before the change, and add it again "
          + "when the old vectors are gone"
      case .label:
        "\(column) of \(table) has security labels of \(names), which the new column would not have. Fix: SECURITY LABEL FOR … ON "
          + "COLUMN \(table).\(column) IS NULL before the change, and set it again behind the switch"
      }
    }
  }

  /// What each server has of it: generated columns came with PostgreSQL 12, publications with 10.
  private static func obstacles(_ version: Int) -> String {
    var parts = [
      "SELECT 'parent', inhparent::regclass::text FROM pg_inherits WHERE inhrelid = $1::int8::oid",
      "SELECT 'type', reloftype::regtype::text FROM pg_class WHERE oid = $1::int8::oid AND reloftype <> 0",
      """
      SELECT 'create', quote_ident(n.nspname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE c.oid = $1::int8::oid AND NOT has_schema_privilege(n.oid, 'CREATE')
      """,
      """
      SELECT 'trigger', quote_ident(current_user::text) WHERE NOT has_table_privilege($1::int8::oid, 'TRIGGER')
      """,
      """
      SELECT 'domain', t.oid::regtype::text FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
      WHERE a.attrelid = $1::int8::oid AND a.attname = $2 AND t.typtype = 'd'
      """,
      "SELECT 'rule', quote_ident(rulename) FROM pg_rewrite WHERE ev_class = $1::int8::oid",
      // BEFORE, for each row, of INSERT or UPDATE. Names are compared as the server orders triggers.
      """
      SELECT 'order', quote_ident(tgname) FROM pg_trigger
      WHERE tgrelid = $1::int8::oid AND NOT tgisinternal AND tgtype & 3 = 3 AND tgtype & 20 <> 0 AND tgname > $3::name
        AND tgenabled <> 'D'
      """,
      """
      SELECT 'label', s.provider FROM pg_seclabel s
      JOIN pg_attribute a ON a.attrelid = s.objoid AND a.attnum = s.objsubid
      WHERE s.classoid = 'pg_class'::regclass AND s.objoid = $1::int8::oid AND a.attname = $2
      """,
    ]
    if version >= 120_000 {
      parts.append(
        """
        SELECT 'generated', quote_ident(attname) FROM pg_attribute
        WHERE attrelid = $1::int8::oid AND attname = $2 AND attgenerated <> ''
        """
      )
    }
    if version >= 100_000 {
      parts.append(
        """
        SELECT 'publication', quote_ident(p.pubname) FROM pg_publication_tables p
        JOIN pg_class c ON c.relname = p.tablename JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = p.schemaname
        WHERE c.oid = $1::int8::oid
        """
      )
    }
    return parts.joined(separator: "\nUNION ALL ")
  }

  /// Each copy of a row would run the triggers, and write the number of its own transaction.
  private static func refuseCopies(
    _ table: VectorTable,
    _ server: ServerCapabilities,
    on connection: PostgresConnection
  ) async throws {
    guard server.engine.placement == .function else { return }
    let copied = try await connection.query(
      Statement(
        "SELECT repmodel = 't' OR partmethod = 'a' FROM pg_dist_partition WHERE logicalrelid = $1::int8::oid::regclass",
        binds: [.int8(Int64(table.oid))]
      )
    )
    guard try copied.first?.value(at: 0, as: Bool.self) != true else {
      throw ChangeError(
        "each node has a copy of \(table.name.quoted), and the triggers of a change would write something else into each. Fix: "
          + "SELECT undistribute_table('\(table.name.quoted)') before the change, and create_reference_table behind it"
      )
    }
  }
}

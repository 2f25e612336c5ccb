public import ImageSearch
public import PostgresClient
public import VectorSQL

/// A table as it is before its vectors change: everything that the files of the change depend on.
public struct ChangedTable: Sendable {
  /// The change.
  public let change: VectorChange
  /// What the catalogue says of the table.
  public let catalog: VectorTable
  /// The column of the vectors.
  public let column: VectorTable.Column
  /// The column of the classes; nil where the table has none.
  public let classColumn: Identifier?
  /// What made its vectors; nil where nobody recorded it.
  public var recipe: RecordedRecipe?
  /// What the server is.
  public let server: ServerCapabilities
  /// The column's dimension.
  public let dimension: Int
  /// Views and triggers that name the column, with the statements that make them again after the names have changed.
  let dependents: [Dependent]
  /// Rights on the column alone: what is behind `GRANT`.
  let grants: [(privilege: String, role: String)]
  /// Whether the columns of a change are there already.
  let isUnderWay: Bool

  /// Something else than an index that depends on the column.
  struct Dependent: Sendable, Hashable {
    /// As the server names it: `view best_images`.
    var name: String
    /// What makes it again once the new vectors have the column's name; nil where nothing does.
    var statements: [String]?
    /// Whether it can be made again only when the type stays.
    var needsSameType: Bool
  }

  /// Reads it.
  /// - Throws: `VectorTableError`, `ChangeError` for a table whose vectors cannot be changed in place, `PostgresError`.
  public static func read(_ table: ImageTable, on connection: PostgresConnection) async throws -> ChangedTable
  {
    let catalog = try await VectorTable.read(table.name, vectorColumn: table.vectorColumn, from: connection)
    let server = try await connection.capabilities()
    let column = try catalog.require(table.vectorColumn)
    let name = QualifiedName(schema: catalog.name.schema, name: catalog.name.name)
    try await refuseOddTables(catalog, server, on: connection)
    let hasSource = catalog.column(table.sourceColumn)?.typeName == "text"
    let change = try VectorChange(
      table: name,
      column: table.vectorColumn,
      idColumn: table.idColumn,
      sourceColumn: hasSource ? table.sourceColumn : nil
    )
    guard try catalog.require(table.idColumn).isUnique else {
      let concurrently = server.supportsConcurrentIndex ? " CONCURRENTLY" : ""
      throw ChangeError(
        "the column \(table.idColumn.quoted) of \(name.quoted) has no unique index, by which rows are told apart. Fix: "
          + "CREATE UNIQUE INDEX\(concurrently) ON \(name.quoted) (\(table.idColumn.quoted))"
      )
    }
    guard let dimension = try await dimension(column, catalog, on: connection) else {
      throw ChangeError(
        "\(name.quoted) has no vectors in \(table.vectorColumn.quoted) and the column declares no dimension; there is nothing "
          + "to change"
      )
    }
    return ChangedTable(
      change: change,
      catalog: catalog,
      column: column,
      classColumn: catalog.column(table.classColumn) == nil ? nil : table.classColumn,
      recipe: try await RecipeStore(table: name, column: table.vectorColumn, on: connection).read(connection),
      server: server,
      dimension: dimension,
      dependents: try await dependents(catalog, table.vectorColumn, on: connection),
      grants: try await grants(catalog, table.vectorColumn, on: connection),
      isUnderWay: [change.next, change.previous, change.state].contains { catalog.column($0) != nil }
    )
  }

  private static func refuseOddTables(
    _ table: VectorTable,
    _ server: ServerCapabilities,
    on connection: PostgresConnection
  ) async throws {
    let name = table.name.quoted
    if table.kind != .table && table.kind != .partitioned { throw ChangeError("\(name) is not a table") }
    if table.kind == .partitioned || table.hasParts {
      throw ChangeError(
        "\(name) has partitions or children, on which no index is built concurrently. Fix: load the images into another table "
          + "by the new model, 'adbvec embed-load --table', and exchange the names"
      )
    }
    guard table.isOwned else {
      throw ChangeError("only the owner of \(name) can change its columns. Fix: run as its owner")
    }
    guard server.engine.placement == .function else { return }
    // Each copy of a row runs the triggers, and writes the number of its own transaction.
    let copied = try await connection.query(
      Statement(
        "SELECT repmodel = 't' OR partmethod = 'a' FROM pg_dist_partition WHERE logicalrelid = $1::int8::oid::regclass",
        binds: [.int8(Int64(table.oid))]
      )
    )
    guard try copied.first?.value(at: 0, as: Bool.self) != true else {
      throw ChangeError(
        "each node has a copy of \(name), and the triggers of a change would write something else into each. Fix: SELECT "
          + "undistribute_table('\(table.name.quoted)') before the change, and create_reference_table behind it"
      )
    }
  }

  private static func dimension(
    _ column: VectorTable.Column,
    _ table: VectorTable,
    on connection: PostgresConnection
  ) async throws -> Int? {
    if let known = column.declaredDimension ?? table.vectorIndexes.lazy.compactMap(\.dimension).first {
      return known
    }
    let name = try Identifier(validating: column.name).quoted
    let rows = try await connection.query(
      Statement(
        trusted: "SELECT \(name)::real[] FROM \(table.name.quoted) WHERE \(name) IS NOT NULL LIMIT 1"
      )
    )
    return try rows.first?.value(at: 0, as: [Float].self).count
  }

  /// What depends on the column, indexes on the column alone excepted.
  private static func dependents(
    _ table: VectorTable,
    _ column: Identifier,
    on connection: PostgresConnection
  ) async throws -> [Dependent] {
    let rows = try await connection.query(
      Statement(
        """
        SELECT DISTINCT pg_describe_object(d.classid, d.objid, d.objsubid), v.relkind::text,
               quote_ident(n.nspname) || '.' || quote_ident(v.relname), pg_get_viewdef(v.oid),
               array_to_string(v.reloptions, ', '), quote_ident(t.tgname), pg_get_triggerdef(t.oid), i.relname::text
        FROM pg_depend d
        JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
        LEFT JOIN pg_rewrite r ON d.classid = 'pg_rewrite'::regclass AND r.oid = d.objid
        LEFT JOIN pg_class v ON v.oid = r.ev_class
        LEFT JOIN pg_namespace n ON n.oid = v.relnamespace
        LEFT JOIN pg_trigger t ON d.classid = 'pg_trigger'::regclass AND t.oid = d.objid
        LEFT JOIN pg_class i ON d.classid = 'pg_class'::regclass AND i.oid = d.objid
        WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = $1::int8::oid AND a.attname = $2
        ORDER BY 1
        """,
        binds: [.int8(Int64(table.oid)), .text(column.name)]
      )
    )
    let plain = Set(table.vectorIndexes.filter { $0.expression == nil && $0.predicate == nil }.map(\.name))
    return try rows.compactMap { row in
      let (description, kind, view, definition, options, trigger, triggerDefinition, index) = try row.decode(
        String.self,
        String?.self,
        String?.self,
        String?.self,
        String?.self,
        String?.self,
        String?.self,
        String?.self
      )
      if let index, plain.contains(where: { Self.bare($0) == index }) { return nil }
      var statements: [String]?
      if kind == "v", let view, let definition {
        let with = options.map { " WITH (\($0))" } ?? ""
        statements = ["CREATE OR REPLACE VIEW \(view)\(with) AS\n\(definition.trimmedSemicolon)"]
      } else if let trigger, let triggerDefinition {
        statements = ["DROP TRIGGER \(trigger) ON \(table.name.quoted)", triggerDefinition]
      }
      return Dependent(name: description, statements: statements, needsSameType: kind != nil)
    }
  }

  /// The name of an index without its schema and quotes.
  private static func bare(_ name: String) -> String {
    (try? QualifiedName(validating: name))?.name.name ?? name
  }

  private static func grants(
    _ table: VectorTable,
    _ column: Identifier,
    on connection: PostgresConnection
  ) async throws -> [(privilege: String, role: String)] {
    try await connection.query(
      Statement(
        """
        SELECT g.privilege_type::text, CASE WHEN g.grantee = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(g.grantee)) END
        FROM pg_attribute a, aclexplode(a.attacl) g
        WHERE a.attrelid = $1::int8::oid AND a.attname = $2 ORDER BY 1, 2
        """,
        binds: [.int8(Int64(table.oid)), .text(column.name)]
      )
    ).map { row in
      let (privilege, role) = try row.decode(String.self, String.self)
      return (privilege, role)
    }
  }
}

extension String {
  fileprivate var trimmedSemicolon: String {
    var text = Substring(self)
    while let last = text.last, last == ";" || last.isWhitespace { text.removeLast() }
    return String(text)
  }
}

extension ChangedTable {
  /// A vector type as SQL writes it here.
  public func sqlType(_ name: String, dimension: Int) -> String {
    guard !name.hasSuffix("[]") else { return name }
    let schema = server.qualifier(of: "vector").map { change.sql($0) + "." } ?? ""
    return "\(schema)\(name)(\(dimension))"
  }

  /// A conversion of the column's vectors by the server.
  public func conversion(to type: String, normalises: Bool) -> VectorConversion {
    let schema = server.qualifier(of: "vector").map { change.sql($0) + "." } ?? ""
    let hasFunction = !column.typeName.hasSuffix("[]") && server.isPgvector(atLeast: [0, 7])
    return VectorConversion(
      type: type,
      normalises: normalises,
      normaliser: hasFunction ? schema + "l2_normalize" : nil,
      qualifier: schema
    )
  }

  /// Refuses a change of a table whose images are not all there.
  /// - Throws: `ChangeError` with their number.
  public func refuseMissingImages(on connection: PostgresConnection) async throws {
    let request = BackfillRequest(
      change: change,
      column: change.next,
      making: .images(Recipe()),
      missing: .fail
    )
    let work = try await request.work(on: connection)
    try await request.refuseMissing(work, on: connection)
  }

  /// How many rows have no vector because their image was not there.
  public func countMissingImages(on connection: PostgresConnection) async throws -> Int {
    let request = BackfillRequest(
      change: change,
      column: change.column,
      making: .images(Recipe()),
      missing: .keep
    )
    return try await request.count(change.missing(change.column), on: connection)
  }
}

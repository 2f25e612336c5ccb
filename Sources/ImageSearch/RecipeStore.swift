public import PostgresClient
public import VectorSQL

/// A table's recipe, and where it was found.
public struct RecordedRecipe: Sendable, Hashable {
  /// The recipe.
  public let recipe: Recipe
  /// The table, as messages name it.
  public let table: String
  /// How many different recipes loads have recorded for the table; more than one when rows were mixed before recipes
  /// were compared.
  public let count: Int

  /// A recipe that is recorded for a table.
  public init(recipe: Recipe, table: String, count: Int = 1) {
    self.recipe = recipe
    self.table = table
    self.count = count
  }
}

extension ImageTable {
  /// What is recorded of the table's vectors; nil where nothing is.
  /// - Throws: `VectorTableError` when there is no such table; `PostgresError`.
  package func recordedRecipe(on connection: PostgresConnection) async throws -> RecordedRecipe? {
    try await RecipeStore(table: name, column: vectorColumn, on: connection).read(connection)
  }
}

/// The table `adbvec_recipe`, in the schema of the table it speaks of: what made the vectors of each table and column.
///
/// A row is found by the names of table and column, so that it survives a dump. What a table that was dropped has left there
/// says nothing of an empty one that has its name now. Everything here runs on a 9.4 base.
public struct RecipeStore: Sendable {
  /// The table with its schema.
  public let table: QualifiedName
  /// The column of vectors.
  public let column: Identifier

  private let hasStore: Bool
  private let hasLoads: Bool
  private let oid: Int64

  /// The version of the store's layout, written into each row.
  static let layout: Int32 = 1

  /// The table that a recipe was recorded for, as a field beside the recipe's own: only this store writes and reads it.
  private static let origin = Recipe.Field(rawValue: "table_oid")

  private var store: QualifiedName { QualifiedName(schema: table.schema, name: "adbvec_recipe") }
  private var loads: QualifiedName { QualifiedName(schema: table.schema, name: "adbvec_load") }

  /// Looks for the table and for what is recorded beside it.
  /// - Throws: `VectorTableError` when there is no such table; `PostgresError`.
  public init(
    table name: QualifiedName,
    column: Identifier,
    on connection: PostgresConnection
  ) async throws {
    let rows = try await connection.query(
      Statement(
        """
        SELECT n.nspname::text, c.oid::int8,
               EXISTS (SELECT 1 FROM pg_class s WHERE s.relnamespace = n.oid AND s.relname = 'adbvec_recipe'),
               EXISTS (SELECT 1 FROM pg_class s JOIN pg_attribute a ON a.attrelid = s.oid AND a.attname = 'recipe'
                       WHERE s.relnamespace = n.oid AND s.relname = 'adbvec_load' AND NOT a.attisdropped)
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE c.relname = $1 AND c.relkind IN ('r', 'p', 'm', 'v', 'f')
          AND CASE WHEN $2::text IS NULL THEN pg_table_is_visible(c.oid) ELSE n.nspname = $2::text END
        """,
        binds: [.text(name.name.name), name.schema.map { .text($0.name) } ?? .null]
      )
    )
    guard let row = rows.first else { throw VectorTableError.missing(name) }
    let (schema, oid, hasStore, hasLoads) = try row.decode(
      String.self,
      Int64.self,
      Bool.self,
      Bool.self
    )
    table = QualifiedName(schema: try Identifier(validating: schema), name: name.name)
    self.column = column
    (self.oid, self.hasStore, self.hasLoads) = (oid, hasStore, hasLoads)
  }

  /// The recipe of the column; version 1's records of loads are read where nothing newer is there.
  /// - Returns: nil where nobody recorded one.
  /// - Throws: `PostgresError`.
  public func read(_ connection: PostgresConnection) async throws -> RecordedRecipe? {
    if let recipe = try await recorded(connection) {
      return RecordedRecipe(recipe: recipe, table: table.display)
    }
    guard hasLoads else { return nil }
    let sql: SQL =
      "SELECT recipe FROM \(table: loads) WHERE table_oid = \(oid) AND recipe <> '' ORDER BY started_at DESC"
    let rows = try await connection.query(sql: sql)
    let recipes = try rows.compactMap { Self.parsed(try $0.value(at: 0, as: String.self))?.recipe }
    guard let newest = recipes.first else { return nil }
    return RecordedRecipe(recipe: newest, table: table.display, count: Set(recipes).count)
  }

  /// The recipe that is recorded for this very column; nil where there is none, even where loads tell one.
  package func recorded(_ connection: PostgresConnection) async throws -> Recipe? {
    guard let entry = try await entry(connection), !entry.isPredecessors else { return nil }
    return entry.recipe
  }

  /// Removes what is recorded of a dropped table whose name this one has, before vectors come that nothing is known of.
  /// - Throws: `PostgresError`, with SQLSTATE 42501 when the user may not change the store's table.
  package func forgetPredecessor(on connection: PostgresConnection) async throws {
    guard try await entry(connection)?.isPredecessors == true else { return }
    try await connection.query(sql: "DELETE FROM \(table: store) WHERE \(isThisColumn)")
  }

  /// What is recorded under the names of table and column, and whether it was another table that had them.
  ///
  /// A table that was dropped and made again has another oid, as one from a dump has; but that one has its rows.
  private func entry(
    _ connection: PostgresConnection
  ) async throws -> (recipe: Recipe, isPredecessors: Bool)? {
    guard hasStore else { return nil }
    let rows = try await connection.query(sql: "SELECT recipe FROM \(table: store) WHERE \(isThisColumn)")
    guard let text = try rows.first?.value(at: 0, as: String.self),
      let (recipe, origin) = Self.parsed(text)
    else { return nil }
    guard let origin, origin != String(oid) else { return (recipe, false) }
    return (recipe, try await !hasRows(connection))
  }

  /// Whether the table has any row: of an empty one a recipe is a habit that nothing depends on.
  package func hasRows(_ connection: PostgresConnection) async throws -> Bool {
    try await !connection.query(sql: "SELECT 1 FROM \(table: table) LIMIT 1").isEmpty
  }

  private static func parsed(_ text: String) -> (recipe: Recipe, origin: String?)? {
    guard var recipe = Recipe(recorded: text) else { return nil }
    let origin = recipe[Self.origin]
    recipe[Self.origin] = nil
    return (recipe, origin)
  }

  private var isThisColumn: SQL { "table_name = \(table.name.name) AND column_name = \(column.name)" }

  /// Records a recipe for the column, in place of the one before.
  ///
  /// Takes effect with the caller's transaction where there is one.
  /// - Parameter distributes: whether the server wants to be told where rows live (`DISTRIBUTED BY`).
  /// - Throws: `PostgresError`, with SQLSTATE 42501 when the user may not create the store's table.
  public func write(
    _ recipe: Recipe,
    distributes: Bool = false,
    on connection: PostgresConnection
  ) async throws {
    var definition = TableDefinition(
      store,
      columns: [
        .init("table_name", .text, notNull: true), .init("column_name", .text, notNull: true),
        .init("layout", .integer, notNull: true), .init("recipe", .text, notNull: true),
        .init("recorded_at", .timestamptz, notNull: true, default: "now()"),
      ],
      primaryKey: ["table_name", "column_name"]
    )
    definition.distributionKey = ["table_name"]
    var recorded = recipe
    recorded[Self.origin] = String(oid)
    // A base of 9.4 has no ON CONFLICT: the row is replaced.
    let remove: SQL = "DELETE FROM \(table: store) WHERE \(isThisColumn)"
    let insert: SQL = """
      INSERT INTO \(table: store) (table_name, column_name, layout, recipe)
      VALUES (\(table.name.name), \(column.name), \(Self.layout), \(recorded.json))
      """
    let statements = try [remove, insert].map { try $0.rendered() }
    let creation = hasStore ? nil : try definition.creation(distributes: distributes)
    try await connection.transaction { connection in
      if let creation { try await connection.query(creation) }
      for statement in statements { try await connection.query(statement) }
    }
  }
}

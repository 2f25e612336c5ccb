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

/// The table `adbvec_recipe`, in the schema of the table it speaks of: what made the vectors of each table and column.
///
/// A row is found by the names of table and column, so that it survives a dump. Everything here runs on a 9.4 base.
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
    if hasStore, let text = try await recordedText(connection), let recipe = Recipe(recorded: text) {
      return RecordedRecipe(recipe: recipe, table: table.display)
    }
    guard hasLoads else { return nil }
    let sql: SQL =
      "SELECT recipe FROM \(table: loads) WHERE table_oid = \(oid) AND recipe <> '' ORDER BY started_at DESC"
    let rows = try await connection.query(try sql.rendered(for: .pgvector))
    let recipes = try rows.compactMap { Recipe(recorded: try $0.value(at: 0, as: String.self)) }
    guard let newest = recipes.first else { return nil }
    return RecordedRecipe(recipe: newest, table: table.display, count: Set(recipes).count)
  }

  /// The recipe that is recorded for this very column; nil where there is none, even where loads tell one.
  package func recorded(_ connection: PostgresConnection) async throws -> Recipe? {
    guard hasStore, let text = try await recordedText(connection) else { return nil }
    return Recipe(recorded: text)
  }

  private func recordedText(_ connection: PostgresConnection) async throws -> String? {
    let sql: SQL =
      "SELECT recipe FROM \(table: store) WHERE \(isThisColumn)"
    return try await connection.query(try sql.rendered(for: .pgvector)).first?.value(at: 0, as: String.self)
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
    let placement: SQL = distributes ? " DISTRIBUTED BY (table_name)" : ""
    let create: SQL = """
      CREATE TABLE IF NOT EXISTS \(table: store) (
        table_name text NOT NULL, column_name text NOT NULL, layout integer NOT NULL, recipe text NOT NULL,
        recorded_at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (table_name, column_name)
      )\(placement)
      """
    // A base of 9.4 has no ON CONFLICT: the row is replaced.
    let remove: SQL = "DELETE FROM \(table: store) WHERE \(isThisColumn)"
    let insert: SQL = """
      INSERT INTO \(table: store) (table_name, column_name, layout, recipe)
      VALUES (\(table.name.name), \(column.name), \(Self.layout), \(recipe.json))
      """
    let statements = try [remove, insert].map { try $0.rendered(for: .pgvector) }
    let creation = hasStore ? nil : try create.rendered(for: .pgvector)
    try await connection.transaction { connection in
      if let creation { try await connection.query(creation) }
      for statement in statements { try await connection.query(statement) }
    }
  }
}

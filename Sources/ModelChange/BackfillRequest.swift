internal import Basics
internal import Glibc
internal import ImageSearch
internal import ImageSources
internal import Inference
internal import PostgresClient
internal import VectorSQL

/// A backfill as a file asks for it.
struct BackfillRequest: Sendable {
  /// What the vectors are made by.
  enum Making: Sendable {
    case images(Recipe)
    /// By the server; the recipe holds what the conversion changes of the old one.
    case expression(String, Recipe)
    case projection(String, Recipe)
  }

  let change: VectorChange
  let column: Identifier
  let making: Making
  let missing: MissingImages
  /// The column's type and dimension as the file says them, for a plan made before the column is there.
  var type = ""
  var dimension: Int?

  /// The words that are not fields of a recipe.
  private static let words = [
    "table", "column", "of", "id", "source", "missing", "type", "dimension", "convert", "project",
  ]

  /// - Throws: `ChangeError` for a value that is missing or that nothing can be made of.
  init(_ values: [String: String], needsMaking: Bool = true) throws {
    func value(_ name: String) throws -> String {
      guard let value = values[name], !value.isEmpty else {
        throw ChangeError(
          "the step has no \(name)=; write the files again with 'adbvec migrate new --re-embed'"
        )
      }
      return value
    }
    change = try VectorChange(
      table: try QualifiedName(validating: try value("table")),
      column: try Identifier(validating: try value("of")),
      idColumn: try Identifier(validating: try value("id")),
      sourceColumn: try values["source"].map { try Identifier(validating: $0) }
    )
    column = try Identifier(validating: try value("column"))
    guard let policy = MissingImages(rawValue: values["missing"] ?? "keep") else {
      throw ChangeError("missing= is keep, drop or fail, not \"\(values["missing"] ?? "")\"")
    }
    missing = policy
    type = values["type"] ?? ""
    dimension = values["dimension"].flatMap { Int($0) }
    let fields = values.filter { !Self.words.contains($0.key) }
    let recipe = Recipe(
      Dictionary(uniqueKeysWithValues: fields.map { (Recipe.Field(rawValue: $0.key), $0.value) })
    )
    if let expression = values["convert"] {
      making = .expression(expression, recipe)
    } else if let file = values["project"] {
      making = .projection(file, recipe)
    } else {
      guard !needsMaking || recipe[.weights] != nil else {
        throw ChangeError("the step names neither weights= nor convert= nor project=")
      }
      making = .images(recipe)
    }
  }

  init(change: VectorChange, column: Identifier, making: Making, missing: MissingImages) {
    (self.change, self.column, self.making, self.missing) = (change, column, making, missing)
  }

  /// What there is to do.
  struct Work: Sendable {
    var pending: Int
    /// Whether the column is there; before it is, every row waits.
    var isPrepared: Bool
    var types: (column: String, id: String)
  }

  /// - Throws: `VectorTableError`, `PostgresError`.
  func work(on connection: PostgresConnection) async throws -> Work {
    let table = try await VectorTable.read(change.table, vectorColumn: column, from: connection)
    let id = try table.require(change.idColumn).type
    guard let filled = table.column(column), table.column(change.state) != nil else {
      return Work(pending: try await count("true", on: connection), isPrepared: false, types: ("", id))
    }
    let pending = try await count(change.pending(column), on: connection)
    return Work(pending: pending, isPrepared: true, types: (filled.type, id))
  }

  func count(_ condition: String, on connection: PostgresConnection) async throws -> Int {
    let statement = Statement(
      trusted: "SELECT count(*) FROM \(change.sql(change.table)) WHERE \(condition)"
    )
    return try await connection.query(statement).first?.value(at: 0, as: Int.self) ?? 0
  }

  /// How many images of waiting rows are not there, and the id of one.
  func missingImages(
    _ work: Work,
    on connection: PostgresConnection
  ) async throws -> (count: Int, example: String?) {
    guard let source = change.sourceColumn else { return (0, nil) }
    let condition = work.isPrepared ? change.pending(column) : "true"
    let statement = Statement(
      trusted: """
        SELECT CAST(\(change.sql(change.idColumn)) AS text), \(change.sql(source)) FROM \(change.sql(change.table))
        WHERE \(condition)
        """
    )
    let images = RowImages()
    let tally = StateLock<(count: Int, example: String?)>((0, nil))
    try await connection.forEachRow(statement) { row in
      let (id, source) = try row.decode(String.self, String?.self)
      guard !images.isThere(source: source) else { return }
      tally.withLock { $0 = ($0.count + 1, $0.example ?? id) }
    }
    return tally.withLock { $0 }
  }

  /// Refuses to begin while images are not there.
  /// - Throws: `ChangeError` with their number.
  func refuseMissing(_ work: Work, on connection: PostgresConnection) async throws {
    let gone = try await missingImages(work, on: connection)
    guard gone.count > 0 else { return }
    throw ChangeError(
      "\(gone.count) of \(work.pending) images of \(change.table.quoted) are not there, such as that of row "
        + "\(gone.example ?? ""). Fix: put them back, or write the change with --missing keep (rows stay without a vector) or drop"
    )
  }

  /// Writes down what makes the column's vectors, where that is not the other column's recipe already.
  func record(_ work: Work, on connection: PostgresConnection) async throws {
    guard work.isPrepared, column == change.next else { return }
    let store = try await RecipeStore(table: change.table, column: column, on: connection)
    let known = try await RecipeStore(table: change.table, column: change.column, on: connection).read(
      connection
    )
    let made: Recipe?
    switch making {
    case .images(let recipe), .projection(_, let recipe): made = recipe
    case .expression(_, let changes):
      made = known.map { known in
        var recipe = known.recipe
        for (field, value) in changes.fields { recipe[field] = value }
        return recipe
      }
    }
    guard let made, !made.isEmpty else { return }
    let distributes = try await connection.capabilities().canDistribute
    if let there = try await store.recorded(connection), there == made { return }
    try await store.write(made, distributes: distributes, on: connection)
    // The old column keeps its own recipe from here on, also where only loads had told it.
    let own = try await RecipeStore(table: change.table, column: change.column, on: connection)
    if let known, try await own.recorded(connection) == nil {
      try await own.write(known.recipe, distributes: distributes, on: connection)
    }
  }
}

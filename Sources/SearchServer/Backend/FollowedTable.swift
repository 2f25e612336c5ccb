package import Basics
package import ImageSearch
internal import PostgresClient
package import VectorSQL

/// A table and its model, followed while the page runs: when a migration gives the table the vectors of another model, the
/// page goes on with that one.
///
/// The recipe that the table records says which model is in force. The model of a change that is under way is loaded before
/// its switch. An embedding of the model before is not compared with the vectors of the one after.
package final class FollowedTable: SearchBackend, ImageBackend {
  /// Makes the model of a recipe.
  package typealias Loader = @Sendable (RecordedRecipe) throws -> any ImageBackend

  /// A table, and the model that its vectors are of.
  package struct State: Sendable {
    var table: ImageTable
    var recipe: Recipe?
    var images: any ImageBackend
    /// How often the table has changed its recipe.
    var generation = 0

    /// - Parameters:
    ///   - table: as it was read from the server.
    ///   - recipe: what the table records; nil until something is recorded, as with the first load.
    ///   - images: the model of that recipe.
    package init(_ table: ImageTable, recipe: Recipe?, images: any ImageBackend) {
      self.table = table
      self.recipe = recipe
      self.images = images
    }
  }

  private let current: StateLock<State>
  private let metric: Metric?
  private let connections: any ConnectionSource
  private let load: Loader
  private let hidesNames: Bool
  /// The model of a change that is under way.
  private let prepared = StateLock<(recipe: Recipe, images: any ImageBackend)?>(nil)
  /// In which generation uploads were embedded.
  private let embedded = StateLock(Generations())
  private let onChange: @Sendable (String) -> Void

  /// - Parameters:
  ///   - start: the table and its model as they are now.
  ///   - metric: what was asked for; nil takes the index's.
  ///   - hidesNames: whether errors name neither the table nor its columns.
  ///   - load: makes the models of later recipes.
  ///   - onChange: told that another model is in force, or why it is not.
  package init(
    _ start: State,
    metric: Metric?,
    connections: any ConnectionSource,
    hidesNames: Bool = false,
    load: @escaping Loader,
    onChange: @escaping @Sendable (String) -> Void = { _ in }
  ) {
    current = StateLock(start)
    self.metric = metric
    self.connections = connections
    self.load = load
    self.hidesNames = hidesNames
    self.onChange = onChange
  }

  /// Looks every second whether the table has another recipe or other indexes, until the task is cancelled.
  package func follow() async {
    while (try? await Task.sleep(for: .seconds(1))) != nil {
      do {
        if try await !refresh() { try await readIndexes() }
        try await prepare()
      } catch {
        // The database may be gone for a while; searches say so themselves.
      }
    }
  }

  private var now: State { current.withLock { $0 } }

  private var backend: DatabaseBackend {
    DatabaseBackend(
      searcher: ImageSearcher(table: now.table, connections: connections),
      hidesNames: hidesNames
    )
  }

  private func recorded(_ column: Identifier) async throws -> Recipe? {
    let table = now.table
    return try await connections.withConnection { connection in
      try await RecipeStore(table: table.name, column: column, on: connection).recorded(connection)
    }
  }

  /// Takes over another recipe and the table as it is now.
  /// - Returns: whether there was another.
  private func refresh() async throws -> Bool {
    let known = now
    guard let recipe = try await recorded(known.table.vectorColumn), recipe != known.recipe else {
      return false
    }
    let table = try await connections.withConnection { connection in
      try await known.table.read(dialect: known.table.dialect, metric: metric, from: connection)
    }
    let ready = prepared.withLock { $0?.recipe == recipe ? $0?.images : nil }
    var images = ready
    var problem: String?
    if images == nil {
      do {
        images = try load(RecordedRecipe(recipe: recipe, table: table.name.quoted))
      } catch {
        problem = "\(error)"
      }
    }
    current.withLock { current in
      guard current.generation == known.generation else { return }
      let next = images ?? UnavailableImages(dimension: table.dimension ?? 0)
      current = State(table, recipe: recipe, images: next)
      current.generation = known.generation + 1
    }
    onChange(
      problem.map { "the table has new vectors, and their model cannot be loaded: \($0)" }
        ?? "the table has new vectors; uploads are embedded by \(now.images.model) from now on"
    )
    return true
  }

  /// Takes over the indexes that serve searches now: another one is used in another way.
  private func readIndexes() async throws {
    let known = now
    let table = try await connections.withConnection { connection in
      try await known.table.read(dialect: known.table.dialect, metric: metric, from: connection)
    }
    current.withLock { current in
      guard current.generation == known.generation else { return }
      // The indexes and nothing else: a column that is gone, or a metric that only its index told, changes no search in silence.
      let serves = table.metric == current.table.metric
      current.table.index = serves ? table.index : nil
      current.table.firstPassIndex = serves ? table.firstPassIndex : nil
    }
  }

  /// Loads the model of a change that is under way.
  private func prepare() async throws {
    guard now.recipe != nil else { return }
    let next = try Identifier(validating: now.table.vectorColumn.name + "_next")
    guard let recipe = try await recorded(next), prepared.withLock({ $0?.recipe != recipe }) else { return }
    let images = try load(RecordedRecipe(recipe: recipe, table: now.table.name.quoted))
    prepared.withLock { $0 = (recipe, images) }
  }

  // The table.

  package func search(_ query: ImageQuery) async throws -> ImageAnswer {
    if case .vector(let vector) = query.subject { return try await search(query, near: vector) }
    do {
      return try await backend.search(query)
    } catch {
      // Where the database is gone, the search has said so in words for the reader.
      guard (try? await refresh()) == true else { throw error }
      return try await backend.search(query)
    }
  }

  private func search(_ query: ImageQuery, near vector: [Float]) async throws -> ImageAnswer {
    try refuseOutdated(vector)
    let answer: ImageAnswer
    do {
      answer = try await backend.search(query)
    } catch {
      if (try? await refresh()) == true { try refuseOutdated(vector) }
      throw error
    }
    // The switch may have come between the embedding and the search.
    let hasChanged = try await backend.translated { try await refresh() }
    if hasChanged { try refuseOutdated(vector) }
    return answer
  }

  private func refuseOutdated(_ vector: [Float]) throws {
    let generation = now.generation
    guard let made = embedded.withLock({ $0[vector] }), made != generation else { return }
    throw BackendError(
      .unavailable,
      "the collection got the vectors of another model since this image was read; search with it again"
    )
  }

  package func row(id: ImageID) async throws -> ImageRow? { try await backend.row(id: id) }

  package func sample(_ count: Int, class name: String?) async throws -> [ImageRow] {
    try await backend.sample(count, class: name)
  }

  package func classes(limit: Int) async throws -> [ImageClass] { try await backend.classes(limit: limit) }

  package func vector(for examples: ImageExamples) async throws -> [Float] {
    let known = now
    for vector in examples.vectors { try refuseOutdated(vector) }
    let vector = try await backend.vector(for: examples)
    embedded.withLock { $0[vector] = known.generation }
    return vector
  }

  package func checkConnection() async throws { try await backend.checkConnection() }

  // The model.

  package var model: String { now.images.model }

  package var identity: String { now.images.identity }

  /// The length of the table's vectors; where nothing declares it, of the model's.
  package var dimension: Int {
    let known = now
    return known.table.dimension ?? known.images.dimension
  }

  package var uploadRefusal: String? {
    let known = now
    guard known.images.dimension != dimension else { return nil }
    return hidesNames
      ? "an upload is near to nothing here, for the model makes other vectors; search by an image of the collection"
      : "the vectors of \(known.table.name.quoted) have \(dimension) numbers, the model's \(known.images.dimension), so that "
        + "an upload is near to nothing here; search by an image of the collection"
  }

  package func decodingCost(of file: [UInt8], maximumPixels: Int) throws -> Int {
    try now.images.decodingCost(of: file, maximumPixels: maximumPixels)
  }

  package func examine(_ file: [UInt8], thumbnailSide: Int, maximumPixels: Int) async throws -> ExaminedImage
  {
    let known = now
    let examined = try await known.images.examine(
      file,
      thumbnailSide: thumbnailSide,
      maximumPixels: maximumPixels
    )
    embedded.withLock { $0[examined.embedding] = known.generation }
    return examined
  }

  package func thumbnail(of file: [UInt8], side: Int, maximumPixels: Int) async throws -> [UInt8] {
    try await now.images.thumbnail(of: file, side: side, maximumPixels: maximumPixels)
  }
}

/// The generations of the embeddings that were made last, by a hash of their bits.
private struct Generations {
  private var known: [Int: Int] = [:]
  private var order: [Int] = []
  private static let most = 10_000

  subscript(vector: [Float]) -> Int? {
    get { known[vector.hashValue] }
    set {
      let key = vector.hashValue
      if known.updateValue(newValue ?? 0, forKey: key) == nil { order.append(key) }
      if order.count > Self.most { known[order.removeFirst()] = nil }
    }
  }
}

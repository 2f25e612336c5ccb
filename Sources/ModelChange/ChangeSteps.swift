internal import Basics
internal import FoundationEssentials
internal import ImageGrid
public import ImageSearch
internal import Ingestion
internal import MetricLearning
public import Migrations
public import PostgresClient
public import VectorSQL

/// Does the work of a change's files: `backfill`, which makes vectors, and `gate`, which compares old and new ones.
public struct ChangeSteps: MigrationStepRunner {
  /// Makes the model of a recipe.
  public typealias ModelLoader = @Sendable (RecordedRecipe) throws -> ChangeModel

  let settings: ConnectionSettings
  let dialect: Dialect
  private let givenWorkers: Int?
  let forcesGate: Bool
  let models: ModelCache

  /// - Parameters:
  ///   - settings: how a backfill opens its own connections.
  ///   - workers: how many images are embedded at once; nil for one on each core.
  ///   - forcesGate: whether a gate that refuses lets the run go on; the history keeps that.
  public init(
    settings: ConnectionSettings,
    dialect: Dialect,
    workers: Int?,
    forcesGate: Bool,
    loader: @escaping ModelLoader
  ) {
    self.settings = settings
    self.dialect = dialect
    givenWorkers = workers
    self.forcesGate = forcesGate
    models = ModelCache(loader)
  }

  private var workers: Int { givenWorkers ?? ProcessInfo.processInfo.activeProcessorCount }

  /// Counts the images that are not there, and looks whether the models can be loaded.
  public func check(_ steps: [MigrationStep], on connection: PostgresConnection) async throws {
    for step in steps {
      switch step.name {
      case "backfill":
        let request = try BackfillRequest(step.values)
        let work = try await request.work(on: connection)
        guard work.pending > 0 else { continue }
        _ = try making(request)
        guard case .images = request.making, request.missing == .fail else { continue }
        try await request.refuseMissing(work, on: connection)
      case "gate": _ = try GateLimits(step.values)
      default:
        throw MigrationError(
          .invalidFile,
          "unknown step \"\(step.name)\"",
          hint: "known: backfill, gate",
          at: step.location
        )
      }
    }
  }

  /// Makes vectors, or compares them.
  /// - Returns: why a gate was passed by force; else nil.
  public func run(
    _ step: MigrationStep,
    on connection: PostgresConnection,
    report: @escaping @Sendable (String) -> Void
  ) async throws -> String? {
    guard step.name == "backfill" else { return try await gate(step, on: connection, report: report) }
    let request = try BackfillRequest(step.values)
    let made = try await fill(request, on: connection, report: report).made
    // The switch does few rows, and has no time to lose.
    if step.isAlone, made > 0 { try await analyze(request.change, on: connection) }
    return nil
  }

  /// Every row has changed, and the new column has no statistics. A vacuum that works on the table is not waited for: the server
  /// will see to it by itself.
  private func analyze(_ change: VectorChange, on connection: PostgresConnection) async throws {
    let statement = "ANALYZE \(change.sql(change.table))"
    guard try await connection.capabilities().engine.placement != .function else {
      try await connection.run(trusted: statement)
      return
    }
    do {
      try await connection.transaction { connection in
        try await connection.setLocally(["SET LOCAL lock_timeout = '2s'"])
        try await connection.run(trusted: statement)
      }
    } catch let error as PostgresError where error.sqlState == "55P03" {}
  }

  /// Makes the vectors that a column lacks.
  /// - Parameter records: whether it writes down what makes them.
  /// - Returns: how many it has made, and how many images were missing.
  @discardableResult
  func fill(
    _ request: BackfillRequest,
    on connection: PostgresConnection,
    records: Bool = true,
    report: @escaping @Sendable (String) -> Void
  ) async throws -> (made: Int, missing: Int) {
    let work = try await request.work(on: connection)
    if records { try await request.record(work, on: connection) }
    guard work.pending > 0 else { return (0, 0) }
    let backfill = Backfill(
      change: request.change,
      column: request.column,
      types: work.types,
      settings: settings,
      making: try making(request),
      server: try await connection.capabilities()
    )
    let pace = Pace(total: work.pending, report)
    let counts = try await backfill.run(patience: .seconds(3)) { pace.show($0.made + $0.missing) }
    pace.finish(counts)
    if request.missing == .fail {
      let left = try await request.count(request.change.missing(request.column), on: connection)
      guard left == 0 else {
        throw ChangeError(
          "\(request.change.table.quoted): \(left) of its images could not be read while their vectors were made; the column "
            + "\(request.change.state.quoted) says why. Fix: put them back and set that column to NULL in their rows, then "
            + "run this again; or write missing=keep into the file"
        )
      }
    }
    return (counts.made, counts.missing)
  }

  private func making(_ request: BackfillRequest) throws -> Backfill.Making {
    switch request.making {
    case .expression(let text, _): return .expression(text)
    case .projection(let file, _):
      return .maker(ProjectedVectors(projection: try Projection(contentsOfFile: file)))
    case .images(let recipe):
      return .maker(ImageVectors(try models.model(recipe, table: request.change.table), workers: workers))
    }
  }

  private func gate(
    _ step: MigrationStep,
    on connection: PostgresConnection,
    report: @escaping @Sendable (String) -> Void
  ) async throws -> String? {
    let request = try BackfillRequest(step.values, needsMaking: false)
    let gate = ChangeGate(
      change: request.change,
      classColumn: try step.values["class"].map { try Identifier(validating: $0) },
      limits: try GateLimits(step.values),
      dialect: dialect,
      isFirstPass: Self.isFirstPass(step)
    )
    let found = try await gate.measure(on: connection)
    report(found.summary)
    try write(found, beside: step.file, report)
    guard !found.refusals.isEmpty else { return nil }
    let reasons = found.refusals.joined(separator: "; ")
    guard forcesGate else {
      throw ChangeError(
        "the new vectors of \(found.column) are refused: \(reasons). Fix: 'adbvec migrate down' takes the change back; "
          + "'adbvec migrate up --force' goes on with it and keeps that in the history"
      )
    }
    return "gate passed by --force: \(reasons)"
  }

  private static func isFirstPass(_ step: MigrationStep) -> Bool { step.values["first-pass"] == "bits" }

  /// The numbers and a chart, in the folder of the migrations; nothing for migrations inside the program.
  private func write(_ found: GateReport, beside file: String, _ report: (String) -> Void) throws {
    guard file.hasSuffix(".sql"), FileManager.default.fileExists(atPath: file) else { return }
    let stem = String(file.dropLast(4))
    try AtomicFile.write(try found.json, to: stem + ".report.json")
    guard let chart = found.chart else { return }
    do {
      try AtomicFile.write(try chart.pngData(), to: stem + ".report.png")
    } catch let error as GridError {
      report("no chart is drawn: \(error)")
    }
  }

  /// What a backfill takes: rows, images that are not there, hours, bytes, memory and locks.
  public func plan(_ step: MigrationStep, on connection: PostgresConnection) async throws -> [String] {
    guard step.name == "backfill" else {
      guard Self.isFirstPass(step) else { return [] }
      let request = try BackfillRequest(step.values, needsMaking: false)
      return try await ChangeEstimate(request: request, models: models, workers: workers, dialect: dialect)
        .firstPassLines(on: connection)
    }
    guard step.isAlone else {
      return ["rows that changed meanwhile are done first, before each attempt to get the lock"]
    }
    let request = try BackfillRequest(step.values)
    if case .projection = request.making { _ = try making(request) }
    let estimate = ChangeEstimate(request: request, models: models, workers: workers, dialect: dialect)
    return try await estimate.lines(on: connection)
  }
}

/// Models that were loaded, so that a run loads each once.
final class ModelCache: Sendable {
  private let loader: ChangeSteps.ModelLoader
  private let loaded = StateLock<[Recipe: ChangeModel]>([:])

  init(_ loader: @escaping ChangeSteps.ModelLoader) { self.loader = loader }

  func model(_ recipe: Recipe, table: QualifiedName) throws -> ChangeModel {
    if let known = loaded.withLock({ $0[recipe] }) { return known }
    let model = try loader(RecordedRecipe(recipe: recipe, table: table.quoted))
    loaded.withLock { $0[recipe] = model }
    return model
  }
}

/// Tells how far a backfill is, at most every ten seconds.
private final class Pace: Sendable {
  private let total: Int
  private let report: @Sendable (String) -> Void
  private let start = ContinuousClock.now
  private let last = StateLock(ContinuousClock.now)

  init(total: Int, _ report: @escaping @Sendable (String) -> Void) {
    self.total = total
    self.report = report
  }

  func show(_ done: Int) {
    let isDue = last.withLock { last in
      guard .now - last > .seconds(10) else { return false }
      last = .now
      return true
    }
    guard isDue, done > 0 else { return }
    let rate = Double(done) / ((.now - start) / .seconds(1))
    let minutes = Double(max(0, total - done)) / rate / 60
    report(String(printf: "%lld of %lld vectors, %.0f a second, %.0f min left", done, total, rate, minutes))
  }

  func finish(_ counts: Backfill.Counts) {
    guard counts.made + counts.missing >= 100 || counts.missing > 0 else { return }
    report("\(counts.made) vectors made" + (counts.missing > 0 ? ", \(counts.missing) images missing" : ""))
  }
}

extension ChangeSteps {
  /// Makes vectors for a change that is under way, as its own backfill does at the same time.
  ///
  /// - Parameter weights: the file of the new model's weights on this machine; nil for where the recipe says they are.
  /// - Returns: how many vectors were made here, and how many images were missing.
  /// - Throws: `ChangeError` when no change is under way.
  public func share(
    of table: ImageTable,
    weights: String?,
    on connection: PostgresConnection,
    report: @escaping @Sendable (String) -> Void
  ) async throws -> (made: Int, missing: Int) {
    let known = try await ChangedTable.read(table, on: connection)
    let change = known.change
    guard known.catalog.column(change.next) != nil else {
      throw ChangeError(
        "\(change.table.quoted) has no column \(change.next.name): no change is under way. Fix: adbvec migrate new --re-embed, "
          + "then adbvec migrate up"
      )
    }
    let store = try await RecipeStore(table: change.table, column: change.next, on: connection)
    guard var recipe = try await store.recorded(connection), recipe[.weights] != nil else {
      throw ChangeError(
        "nothing tells what makes the vectors of \(change.next.quoted) yet, or the server makes them by itself. Fix: wait until "
          + "'adbvec migrate up' has begun its backfill"
      )
    }
    if let weights { recipe[.weightsFile] = weights }
    let request = BackfillRequest(
      change: change,
      column: change.next,
      making: projection(from: known.recipe?.recipe, to: recipe) ?? .images(recipe),
      missing: .keep
    )
    return try await fill(request, on: connection, records: false, report: report)
  }
  /// How the step makes vectors where the recipes differ by a projection alone: of the old vectors, so that no image is needed
  /// and all machines make the same.
  private func projection(from old: Recipe?, to new: Recipe) -> BackfillRequest.Making? {
    guard var old, let file = new[.projectionFile], old[.projection] ?? "none" == "none" else { return nil }
    var bare = new
    for field in [Recipe.Field.projection, .projectionFile, .projectionProvenance, .weightsFile] {
      old[field] = nil
      bare[field] = nil
    }
    return bare == old ? .projection(file, new) : nil
  }
}

internal import Basics
internal import ImageSearch
internal import Inference
internal import PostgresClient
internal import VectorSQL

/// What a change will take, as far as it can be known before.
struct ChangeEstimate: Sendable {
  let request: BackfillRequest
  let models: ModelCache
  let workers: Int

  /// The planner's estimate of a table's rows.
  static func rows(_ table: ChangedTable) -> Int { Int(max(0, table.catalog.estimatedRows)) }

  /// What the graph of an hnsw index needs while it is built: about 900 bytes a row beside the vector, measured with
  /// pgvector 0.8.
  static func graphKilobytes(rows: Int, dimension: Int) -> Int {
    rows * (dimension * 4 + 900) / 1024 * 11 / 10 + 16 * 1024
  }

  /// Lines for a plan.
  func lines(on connection: PostgresConnection) async throws -> [String] {
    let work = try await request.work(on: connection)
    var lines = ["\(work.pending) rows wait for a vector in \(request.change.sql(request.column))"]
    guard work.pending > 0 else { return lines }
    if case .images(let recipe) = request.making {
      let gone = try await request.missingImages(work, on: connection)
      lines.append("\(gone.count) of their images are not there (missing=\(request.missing.rawValue))")
      let model = try models.model(recipe, table: request.change.table)
      if let seconds = try await secondsPerImage(model, work, on: connection) {
        let hours = seconds * Double(work.pending) / Double(workers) / 3600
        lines.append(
          String(
            printf: "%.2f h on this machine: %.0f ms an image, measured on a sample, %lld at a time",
            hours,
            seconds * 1000,
            workers
          )
        )
      }
      lines += bytes(work.pending, dimension: model.model.dimension)
    }
    lines.append(
      "locks: ACCESS EXCLUSIVE for a moment to add and to rename columns, asked for at most 0.2 s at a time; none while "
        + "vectors are made and the index is built; rows are locked 16 at a time while they are written"
    )
    return lines
  }

  private func bytes(_ rows: Int, dimension: Int) -> [String] {
    let vectors = rows * (dimension * 4 + 8)
    func size(_ bytes: Int) -> String { String(printf: "%.1f MB", Double(bytes) / 1e6) }
    return [
      "about \(size(vectors)) of new vectors; every row is written once more, so the table may double until VACUUM, and the "
        + "server writes about \(size(vectors * 3)) of WAL",
      "\(size(Self.graphKilobytes(rows: rows, dimension: dimension) * 1024)) of memory keep the graph of an hnsw index while "
        + "it is built",
    ]
  }

  /// The time of an image, from a few of them.
  private func secondsPerImage(
    _ model: ChangeModel,
    _ work: BackfillRequest.Work,
    on connection: PostgresConnection
  ) async throws -> Double? {
    guard let source = request.change.sourceColumn else { return nil }
    let rows = try await connection.query(
      Statement(
        trusted: """
          SELECT \(request.change.sql(source)) FROM \(request.change.sql(request.change.table))
          WHERE \(request.change.sql(source)) IS NOT NULL LIMIT 5
          """
      )
    )
    let sources = try rows.map { (source: try $0.value(at: 0, as: String?.self), vector: [Float]?.none) }
    let maker = ImageVectors(model, workers: 1)
    _ = try await maker.vectors(of: Array(sources.prefix(1)))
    let start = ContinuousClock.now
    let made = try await maker.vectors(of: sources)
    let count = made.count { if case .success = $0 { true } else { false } }
    return count == 0 ? nil : (ContinuousClock.now - start) / .seconds(1) / Double(count)
  }
}

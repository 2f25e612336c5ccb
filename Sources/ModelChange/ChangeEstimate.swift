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
  let dialect: Dialect

  /// The planner's estimate of a table's rows.
  static func rows(_ table: ChangedTable) -> Int { Int(max(0, table.catalog.estimatedRows)) }

  /// What the graph of an hnsw index needs while it is built: about 900 bytes a row beside the vector, measured with
  /// pgvector 0.8.
  static func graphKilobytes(rows: Int, dimension: Int) -> Int {
    rows * (dimension * 4 + 900) / 1024 * 11 / 10 + 16 * 1024
  }

  /// What a row takes in an hnsw index: an element with its vector, and the neighbours of all its levels, six bytes each. Of large
  /// vectors a page holds one. Measured with pgvector 0.8: 1366, 833 and 335 bytes for 1032, 520 and 40 bytes of vector.
  private static func graphBytes(vector: Int, links: Int) -> Int {
    let bytes = vector + 102 + 13 * links
    return bytes > 4096 ? (bytes + 8191) / 8192 * 8192 : bytes
  }

  /// Lines for a plan.
  func lines(on connection: PostgresConnection) async throws -> [String] {
    let change = request.change
    let work = try await request.work(on: connection)
    var lines = ["\(work.pending) rows wait for a vector in \(change.sql(request.column))"]
    guard work.pending > 0 else { return lines }
    if case .images(let recipe) = request.making {
      let gone = try await request.missingImages(work, on: connection)
      lines.append("\(gone.count) of their images are not there (missing=\(request.missing.rawValue))")
      let model = try models.model(recipe, table: change.table)
      if let seconds = try await secondsPerImage(model, work, on: connection) {
        lines.append(
          String(
            printf:
              "%.2f h on this machine for their vectors: %.0f ms an image, measured on a sample, %lld at a time",
            seconds * Double(work.pending) / Double(workers) / 3600,
            seconds * 1000,
            workers
          )
        )
      }
    }
    let sizes = try await sizes(on: connection)
    if let seconds = try await secondsPerSearch(on: connection) {
      // To be found again, a rewritten row goes into the old index; the new index is another one like it.
      lines.append(
        String(
          printf:
            "%.3f h to write the rows and as much to build the index: %.2f ms a row, measured on a sample of searches",
          seconds * Double(work.pending) / Double(Backfill.lanes) / 3600,
          seconds * 1000
        )
      )
    }
    lines += sizes.lines(rows: work.pending)
    lines.append(
      "locks: ACCESS EXCLUSIVE to add and to rename columns, for some milliseconds, asked for at most 0.2 s at a time and given "
        + "back; none while vectors are made and the index is built; \(Backfill.writeRows) rows at a time while they are written"
    )
    return lines
  }

  /// Lines for a plan of an index on the vectors' bits, which writes no row.
  func firstPassLines(on connection: PostgresConnection) async throws -> [String] {
    let change = request.change
    let table = try await VectorTable.read(change.table, vectorColumn: change.column, from: connection)
    let rows = Int(max(0, table.estimatedRows))
    let sizes = try await sizes(on: connection)
    var lines = ["\(rows) rows keep their vectors, and none is written"]
    if let seconds = try await secondsPerSearch(on: connection) {
      lines.append(
        String(
          printf:
            "%.3f h at most to build the index: what one on the vectors themselves takes, measured on a sample of searches",
          seconds * Double(rows) / 3600
        )
      )
    }
    let bytes = rows * Self.graphBytes(vector: sizes.dimension / 8 + 8, links: sizes.links)
    func size(_ bytes: Int) -> String { String(printf: "%.1f MB", Double(bytes) / 1e6) }
    return lines + [
      "index: \(size(bytes)) for the new one; \(size(sizes.vectorIndexes)) of the old one become free with the switch",
      "WAL: about \(size(bytes * 3 / 2))",
      "memory: \(size(Self.graphKilobytes(rows: rows, dimension: sizes.dimension / 32) * 1024)) keep the graph while it is built",
      "locks: none that a reader or writer waits for; DROP INDEX CONCURRENTLY waits for the transactions that use the old index",
    ]
  }

  /// Bytes that are there now.
  private struct Sizes {
    var table: Int
    var indexes: Int
    var vectorIndexes: Int
    var oldVector: Int
    var newVector: Int
    var dimension: Int
    var isGraph: Bool
    /// The links of a row in the graph.
    var links: Int

    func lines(rows: Int) -> [String] {
      func size(_ bytes: Int) -> String { String(printf: "%.1f MB", Double(bytes) / 1e6) }
      let vectors = rows * newVector
      let newIndexes =
        isGraph && vectorIndexes > 0
        ? rows * ChangeEstimate.graphBytes(vector: newVector, links: links)
        : vectorIndexes / max(1, oldVector) * newVector
      let rewritten = table + vectors
      var lines = [
        "table: \(size(vectors)) of new vectors, and every row is written once more: \(size(table)) become up to "
          + "\(size(table + rewritten)) until VACUUM",
        "index: \(size(newIndexes)) for the new one, and the old ones grow by up to \(size(indexes))",
        // Half as much again is whole pages after checkpoints. A graph knows a vector that it has, and writes little for it.
        "WAL: about \(size((rewritten + newIndexes) * 3 / 2))",
      ]
      if isGraph {
        let memory = ChangeEstimate.graphKilobytes(rows: rows, dimension: dimension) * 1024
        lines.append("memory: \(size(memory)) keep the graph of an hnsw index while it is built")
      }
      return lines
    }
  }

  private func sizes(on connection: PostgresConnection) async throws -> Sizes {
    let change = request.change
    let table = try await VectorTable.read(change.table, vectorColumn: change.column, from: connection)
    let isSpread = try await connection.capabilities().engine.placement == .function
    let columns =
      isSpread
      ? """
      SELECT citus_table_size(t), citus_total_relation_size(t) - citus_table_size(t),
             citus_total_relation_size(t) - citus_table_size(t)
      """
      : """
      SELECT pg_table_size(t), pg_indexes_size(t), (
        SELECT coalesce(sum(pg_relation_size(c.oid)), 0)::int8
        FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am a ON a.oid = c.relam
        WHERE i.indrelid = t AND a.amname IN ('hnsw', 'ivfflat', 'ann'))
      """
    let row = try await connection.query(
      Statement(
        trusted: "\(columns) FROM (SELECT $1::int8::oid::regclass AS t) x",
        binds: [.int8(Int64(table.oid))]
      )
    ).first
    let (bytes, indexes, vectorIndexes) = try row?.decode(Int.self, Int.self, Int.self) ?? (0, 0, 0)
    let old = table.column(change.column)
    let width = request.type.contains("halfvec") ? 2 : 4
    let dimension = request.dimension ?? old?.declaredDimension ?? 0
    return Sizes(
      table: bytes,
      indexes: indexes,
      vectorIndexes: vectorIndexes,
      oldVector: old?.valueBytes(dimension: old?.declaredDimension ?? dimension) ?? dimension * 4,
      newVector: dimension * width + 8,
      dimension: dimension,
      isGraph: table.vectorIndexes.contains { $0.method != "ivfflat" },
      links: table.vectorIndexes.lazy.compactMap {
        ($0.options["m"] ?? $0.options["hnsw_m"]).flatMap { Int($0) }
      }.first ?? 16
    )
  }

  /// The time of a search near a row, which is most of what it takes to put the row into a graph.
  private func secondsPerSearch(on connection: PostgresConnection) async throws -> Double? {
    let change = request.change
    let table = try await ImageTable(
      name: change.table,
      idColumn: change.idColumn,
      vectorColumn: change.column
    ).read(dialect: dialect, metric: nil, from: connection)
    guard table.index != nil || table.firstPassIndex != nil else { return nil }
    let rows = try await connection.query(
      Statement(
        trusted: """
          SELECT \(change.sql(change.column))::real[] FROM \(change.sql(change.table))
          WHERE \(change.sql(change.column)) IS NOT NULL LIMIT 20
          """
      )
    )
    let searcher = ImageSearcher(table: table, connections: connection)
    var times: [Double] = []
    for row in rows {
      let query = ImageQuery(.vector(try row.value(at: 0, as: [Float].self)), topK: 10)
      let start = ContinuousClock.now
      _ = try await searcher.search(query)
      times.append((ContinuousClock.now - start) / .seconds(1))
    }
    return times.isEmpty ? nil : times.sorted()[times.count / 2]
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

import Ingestion
import Foundation
import ImageSources
import PostgresClient
import Synchronization
import Testing
import VectorSQL

/// A load of 1,000 rows in batches of 50 into a table of its own, and what the table must hold at the end.
final class FaultyLoad: Sendable {
  let rows = 1000
  let schema: String
  let table: String
  let options: Mutex<LoadOptions>
  private let target: LoadTarget
  private let settings: ConnectionSettings
  private let file: TemporaryFile

  private init(schema: String, target: LoadTarget, options: LoadOptions, settings: ConnectionSettings) throws
  {
    self.schema = schema
    self.target = target
    self.options = Mutex(options)
    self.settings = settings
    table = target.table.quoted
    let lines = (0..<rows).map { "\($0)|class \($0 % 7)|{\($0),\(Float($0) / 3),-1}\n" }
    file = try TemporaryFile(lines.joined())
  }

  /// Sets a load up, runs a test, and then compares every row.
  static func with(
    _ method: LoadOptions.Method,
    connections: Int,
    _ body: (FaultyLoad) async throws -> Void
  ) async throws {
    try await ScratchSchema.with { connection, schema in
      var options = LoadOptions()
      options.method = method
      options.connections = connections
      options.batchRows = 50
      options.retries = 50
      // Slow enough for something to happen meanwhile.
      options.rateLimit = 1500
      let target = try await LoadingTable.make(connection, schema, type: "vector(3)")
      let settings = try await ScratchSchema.settings()
      let load = try FaultyLoad(schema: schema, target: target, options: options, settings: settings)
      try await body(load)
      let expected = (0..<load.rows).map { "\($0)|class \($0 % 7)|\($0),\(Self.text(Float($0) / 3)),-1" }
      #expect(try await LoadingTable.rows(connection, target) == expected)
      // A load that is done changes nothing.
      #expect(try await load.run().wasFinished)
    }
  }

  private static func text(_ value: Float) -> String {
    value == value.rounded() ? "\(Int(value))" : "\(value)"
  }

  func run(
    keywords: [String: String] = [:],
    onEvent: @escaping @Sendable (LoadEvent) -> Void = { _ in }
  ) async throws -> LoadReport {
    var settings = settings
    settings.overrides = keywords.merging(["application_name": schema]) { $1 }
    return try await Loader(settings: settings, target: target, options: options.withLock { $0 })
      .run(FileBatchSource(FeatureSource(path: file.path)), onEvent: onEvent)
  }

  func resume() async throws {
    options.withLock {
      $0.continuation = .resume
      $0.retries = 5
    }
    let report = try await run()
    #expect(report.counts.loaded == rows)
  }

  func sql(_ text: String) async throws {
    let connection = try await ScratchSchema.connect()
    try await connection.run(trusted: text)
    await connection.close()
  }

  /// Ends every connection of the load, but not the one that only watches. Does not wait: events come on a thread that
  /// the load itself needs.
  func killBackends() {
    Task {
      try await sql(
        """
        SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE application_name = '\(schema)' AND pid <> (
          SELECT pid FROM pg_stat_activity WHERE application_name = '\(schema)' ORDER BY backend_start LIMIT 1)
        """
      )
    }
  }

  func indexes() async throws -> [String?] {
    let connection = try await ScratchSchema.connect()
    let rows = try await connection.run(
      trusted:
        "SELECT indexdef FROM pg_indexes WHERE schemaname = '\(schema)' AND tablename = 'image_search' ORDER BY 1"
    )[0].rows
    await connection.close()
    return rows.map { $0[0] }
  }

  func serverPort() async throws -> UInt16 {
    let connection = try await ScratchSchema.connect()
    defer { Task { await connection.close() } }
    let port = try await connection.run("SHOW port")[0].rows[0][0]
    return try #require(port.flatMap(UInt16.init))
  }
}

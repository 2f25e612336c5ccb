import PostgresClient
import Testing
import VectorSQL
import VectorSQLExamples

extension VectorSQLOnServer {
  @Test(
    "the distances are the true ones, the same on every dialect",
    arguments: [Metric.l2, .innerProduct, .cosine],
    VectorSQLServer.dialectNames
  )
  func exactSearch(_ metric: Metric, _ dialectName: String) async throws {
    let dialect = try #require(VectorSQLServer.dialect(dialectName))
    for subject in [probe, otherProbe] {
      var search = imageSearch(to: .vector(subject), by: metric, limit: 7)
      search.exact = true
      search.tieBreak = "id"
      search.scores = [.distance, .similarity]
      let found = try await hits(search, dialect)
      let expected = Oracle.nearest(to: subject, by: metric).prefix(7)
      #expect(found.map(\.id) == expected.map(\.id))
      for (hit, truth) in zip(found, expected) {
        #expect(abs(hit.scores[0] - truth.distance) < 1e-5)
        #expect(abs(hit.scores[1] - Oracle.similarity(truth.distance, metric)) < 1e-5)
      }
    }
  }

  @Test("a row without a vector is near to nothing", arguments: VectorSQLServer.dialectNames)
  func withoutVector(_ dialectName: String) async throws {
    let dialect = try #require(VectorSQLServer.dialect(dialectName))
    var search = imageSearch(to: .vector(probe), limit: 1000)
    search.exact = true
    #expect(try await hits(search, dialect).count == ExampleTables.rowCount)
    #expect(try await hits(imageSearch(to: .row(key: "id", value: .int8(100_000))), dialect).isEmpty)
    #expect(try await hits(imageSearch(to: .row(key: "id", value: .int8(-1))), dialect).isEmpty)
  }

  @Test("by a row: itself first, or left out", arguments: VectorSQLServer.dialectNames)
  func byRow(_ dialectName: String) async throws {
    let dialect = try #require(VectorSQLServer.dialect(dialectName))
    let truth = Oracle.nearest(to: ExampleTables.vector(5), by: .l2).map(\.id)
    var search = imageSearch(to: .row(key: "id", value: .int8(5)), limit: 4)
    search.exact = true
    #expect(try await hits(search, dialect).map(\.id) == Array(truth.prefix(4)))
    search.subject = .otherThanRow(key: "id", value: .int8(5))
    #expect(try await hits(search, dialect).map(\.id) == Array(truth.dropFirst().prefix(4)))
  }

  @Test(
    "pages follow each other without gap or repetition",
    arguments: VectorSQLServer.dialectNames,
    [true, false]
  )
  func pages(_ dialectName: String, _ exact: Bool) async throws {
    let dialect = try #require(VectorSQLServer.dialect(dialectName))
    var search = imageSearch(to: .vector(probe), limit: 9)
    search.exact = exact
    search.tieBreak = "id"
    search.settings.efSearch = 200
    var seen: [Int] = []
    for _ in 0..<5 {
      let page = try await hits(search, dialect)
      seen += page.map(\.id)
      let last = try #require(page.last)
      search.after = SearchCursor(distance: last.scores[0], key: .int8(Int64(last.id)), seen: seen.count)
    }
    #expect(seen == Oracle.nearest(to: probe, by: .l2).prefix(45).map(\.id))
  }

  @Test("radius, classes, first passes", arguments: VectorSQLServer.dialectNames)
  func shapes(_ dialectName: String) async throws {
    let dialect = try #require(VectorSQLServer.dialect(dialectName))
    let truth = Oracle.nearest(to: probe, by: .l2)
    let radius = truth[20].distance + 1e-6
    var search = imageSearch(to: .vector(probe))
    search.tieBreak = "id"
    search.maximumDistance = radius
    #expect(try await hits(search, dialect).map(\.id) == truth.prefix(10).map(\.id))
    search.limit = nil
    #expect(try await hits(search, dialect).map(\.id) == truth.prefix(21).map(\.id))
    search.maximumDistance = nil
    search.perValueOf = "class"
    search.limit = 2
    let classes = Set((0..<4).map(ExampleTables.label)).sorted()
    let perClass = classes.flatMap { label in truth.filter { ExampleTables.label($0.id) == label }.prefix(2) }
    #expect(try await hits(search, dialect).map(\.id) == perClass.map(\.id))
    search.perValueOf = nil
    search.limit = 10
    for pass in [FirstPass.index(candidates: 400), .half(candidates: 400), .binary(candidates: 400)] {
      guard pass.quantization == nil || dialect.quantizers[.binary] != nil else { continue }
      search.firstPass = pass
      #expect(try await hits(search, dialect).map(\.id) == truth.prefix(10).map(\.id))
    }
  }

  private func hits(_ search: VectorSearch, _ dialect: Dialect) async throws -> [Found] {
    let server = try #require(VectorSQLServer.shared)
    let rendered = try search.rendered(for: dialect)
    let connection = try await server.connect(dialect.name)
    let rows = try await connection.transaction { connection in
      for setting in rendered.settings { _ = try await connection.query(setting) }
      return try await connection.query(rendered.query)
    }
    await connection.close()
    return try rows.map { row in
      Found(
        id: Int(try row.value(at: 0, as: Int32.self)),
        scores: try (2..<row.count).map { try row.value(at: $0, as: Double.self) }
      )
    }
  }

  private struct Found {
    let id: Int
    let scores: [Double]
  }
}

/// The same searches in plain Swift, in double precision.
enum Oracle {
  static func nearest(to subject: [Float], by metric: Metric) -> [(id: Int, distance: Double)] {
    (0..<ExampleTables.rowCount)
      .map { (id: $0, distance: distance(subject, ExampleTables.vector($0), metric)) }
      .sorted { ($0.distance, $0.id) < ($1.distance, $1.id) }
  }

  static func distance(_ left: [Float], _ right: [Float], _ metric: Metric) -> Double {
    let pairs = zip(left, right).map { (Double($0), Double($1)) }
    let product = pairs.map { $0.0 * $0.1 }.reduce(0, +)
    switch metric {
    case .innerProduct: return -product
    case .cosine:
      let norms = [left, right].map { $0.map { Double($0) * Double($0) }.reduce(0, +).squareRoot() }
      return 1 - product / (norms[0] * norms[1])
    default: return pairs.map { ($0.0 - $0.1) * ($0.0 - $0.1) }.reduce(0, +).squareRoot()
    }
  }

  static func similarity(_ distance: Double, _ metric: Metric) -> Double {
    switch metric {
    case .innerProduct: -distance
    case .cosine: 1 - distance
    default: 1 / (1 + distance)
    }
  }
}

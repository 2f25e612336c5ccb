import Foundation
import TestSupport
import Testing
import VectorSQL

/// What `adbvec doctor --format json` prints.
struct DoctorReport: Decodable {
  struct Finding: Decodable {
    let check: String
    let severity: String
    let message: String
    let fix: String?
  }
  struct Result: Decodable {
    let healthy: Bool
    let findings: [Finding]
  }
  let schema: Int
  let result: Result
}

/// `adbvec doctor` on real tables.
protocol DoctorBench: Sendable {}

extension DoctorBench {
  /// 256 dimensions of which 8 differ, so that a small graph finds nearly all neighbours.
  static func rows(_ count: Int, cast: String) -> String {
    """
    SELECT setseed(0.5);
    INSERT INTO public.image_search (id, class, image_vector)
      SELECT i, 'c' || i % 10,
             (ARRAY(SELECT random()::real FROM generate_series(1, 8) WHERE i = i) || array_fill(0.5::real, ARRAY[248]))\(cast)
      FROM generate_series(0, \(count - 1)) AS i;
    ALTER TABLE public.image_search SET (autovacuum_enabled = off);
    ANALYZE public.image_search;
    """
  }

  func doctor(
    _ database: TestDatabase,
    _ dialect: String,
    _ flags: [String] = []
  ) async throws -> (report: DoctorReport.Result, exitCode: Int32) {
    let finished = try await Program.run(
      Program.adbvec,
      ["doctor", "--format", "json", "--dialect", dialect] + flags,
      environment: [
        "DATABASE_URL": database.url, "ADBVEC_MIGRATIONS": Environment.package + "/migrations",
        "ADBVEC_PARAM_DIM": "256", "ADBVEC_PARAM_HNSW_M": "16",
      ]
    )
    #expect(finished.error.isEmpty, "\(finished.error)")
    let report = try JSONDecoder.ofReports.decode(DoctorReport.self, from: Data(finished.output.utf8))
    #expect(report.schema == 1)
    return (report.result, finished.exitCode)
  }

  func withHealthyTable(
    _ dialect: String,
    _ body: @Sendable (TestDatabase) async throws -> Void
  ) async throws {
    let isAnn = dialect == "analyticdb"
    // The faults are made in the catalogue of the node with the rows.
    try await TestServer.withDatabase(extensions: isAnn ? ["fastann"] : ["vector"], isOnOneNode: true) {
      database in
      let up = try await Program.adbvec(
        "migrate",
        "up",
        "--dialect",
        dialect,
        "--set",
        "dim=256",
        "--set",
        "hnsw_m=16",
        database: database,
        environment: ["ADBVEC_MIGRATIONS": Environment.package + "/migrations"]
      )
      #expect(up.exitCode == 0, "\(up.error)")
      try await sql(Self.rows(isAnn ? 3000 : 6000, cast: isAnn ? "" : "::vector"), database)
      try await body(database)
    }
  }

  func sql(_ script: String, _ database: TestDatabase) async throws {
    let finished = try await Program.psql(script, on: database)
    #expect(finished.exitCode == 0, "\(script): \(finished.error)")
  }

  /// What `doctor` finds without a word about the table.
  func findings(
    _ database: TestDatabase,
    _ flags: [String] = [],
    environment: [String: String] = [:]
  ) async throws -> [DoctorReport.Finding] {
    let finished = try await Program.run(
      Program.adbvec,
      ["doctor", "--format", "json"] + flags,
      environment: environment.merging(["DATABASE_URL": database.url]) { $1 },
      folder: "/"
    )
    return try JSONDecoder.ofReports.decode(DoctorReport.self, from: Data(finished.output.utf8)).result
      .findings
  }

  /// The three images nearest to another, as CSV.
  func searchResult(_ database: TestDatabase, environment: [String: String] = [:]) async throws -> Finished {
    try await Program.adbvec(
      "search",
      "--id",
      "7",
      "-k",
      "3",
      "--format",
      "csv",
      database: database,
      environment: environment
    )
  }
}

import Foundation
import TestSupport
import Testing

/// `adbvec doctor` on real tables: each fault is made, found, fixed with what the doctor printed, and gone.
@Suite(.serialized) struct DoctorFaultsTests: DoctorBench {
  /// A fault, what it looks like, and what it takes to be healthy again.
  struct Fault {
    /// The check that finds it.
    let check: String
    /// SQL that makes it.
    var make = ""
    /// Flags that make it.
    var flags: [String] = []
    /// Part of the message.
    let message: String
    /// Whether the fix is SQL that fixes it when it is run as printed.
    var isFixed = true
    /// SQL that takes back what the fix did.
    var undo = ""
  }

  /// Checks that need a recipe, and that of the server's pgvector, which may be older than its last fixes.
  private static let unrecorded = ["recipe", "embeddings", "extension"]

  private func check(_ faults: [Fault], _ dialect: String) async throws {
    try await withHealthyTable(dialect) { database in
      let healthy = try await doctor(database, dialect)
      #expect(healthy.exitCode == 0)
      #expect(
        healthy.report.findings.allSatisfy { finding in
          finding.severity == "ok" && finding.fix == nil
            || Self.unrecorded.contains(finding.check)
        },
        "\(healthy.report.findings)"
      )
      for fault in faults {
        try await sql(fault.make, database)
        let faulty = try await doctor(database, dialect, fault.flags)
        let finding = try #require(faulty.report.findings.first { $0.check == fault.check })
        #expect(faulty.exitCode == 1 && !faulty.report.healthy)
        #expect(finding.severity == "wrong", "\(fault.check): \(finding.message)")
        #expect(finding.message.contains(fault.message), "\(finding.message)")
        let fix = try #require(finding.fix)
        if fault.isFixed {
          try await sql(fix, database)
          let fixed = try await doctor(database, dialect, fault.flags)
          #expect(fixed.report.healthy, "\(fix)\n\(fixed.report.findings)")
        }
        try await sql(fault.undo, database)
      }
      let end = try await doctor(database, dialect)
      #expect(end.report.healthy, "\(end.report.findings)")
    }
  }

  private static func index(_ name: String, _ rest: String) -> String {
    "DROP INDEX IF EXISTS public.\(name); CREATE INDEX \(name) ON public.image_search USING \(rest); "
      + "ANALYZE public.image_search;"
  }

  private static let hnsw = index(
    "image_search_image_vector_idx",
    "hnsw (image_vector vector_l2_ops) WITH (m = 16, ef_construction = 64)"
  )
  private static let ann = index(
    "image_search_image_vector_idx",
    "ann (image_vector) WITH (dim = 256, hnsw_m = 16, pq_enable = 0)"
  )
  private static let thisDatabase =
    "SELECT format('ALTER DATABASE %I ', current_database()) AS alter \\gset\n:alter"

  @Test func faultsOfAPgvectorTable() async throws {
    try await check(
      [
        Fault(
          check: "index",
          make: "DROP INDEX public.image_search_image_vector_idx;",
          message: "no vector index",
          undo: "DROP INDEX public.image_search_image_vector_hnsw;" + Self.hnsw
        ),
        Fault(
          check: "index",
          make: "UPDATE pg_index SET indisvalid = false "
            + "WHERE indexrelid = 'public.image_search_image_vector_idx'::regclass;",
          message: "invalid after a build that failed"
        ),
        Fault(
          check: "index metric",
          flags: ["--metric", "cosine"],
          message: "serves l2, and the configuration asks for cosine",
          undo: Self.hnsw
        ),
        Fault(
          check: "index options",
          flags: ["--set", "hnsw_m=8"],
          message: "m is 16 and should be 8",
          undo: Self.hnsw
        ),
        Fault(
          check: "statistics",
          make: "UPDATE public.image_search SET class = class WHERE id < 3000;",
          message: "rows have changed since the last ANALYZE",
          undo: "VACUUM public.image_search;"
        ),
        Fault(
          check: "plan",
          make: "\(Self.thisDatabase) SET enable_indexscan = off;",
          message: "a search uses no vector index, and comparing all rows took",
          isFixed: false,
          undo: "\(Self.thisDatabase) RESET enable_indexscan;"
        ),
        Fault(
          check: "settings",
          make: "\(Self.thisDatabase) SET hnsw.ef_search = 5;",
          message: "hnsw.ef_search is 5",
          undo: "\(Self.thisDatabase) RESET hnsw.ef_search;"
        ),
        Fault(
          check: "recall",
          make:
            "\(Self.thisDatabase) SET hnsw.ef_search = 1; DROP INDEX public.image_search_image_vector_idx;"
            + "CREATE INDEX image_search_image_vector_idx ON public.image_search "
            + "USING hnsw (image_vector vector_l2_ops) WITH (m = 2, ef_construction = 4);",
          flags: ["--min-recall", "0.99"],
          message: "fewer than 99.0 %",
          isFixed: false,
          undo: "\(Self.thisDatabase) RESET hnsw.ef_search;\n" + Self.hnsw
        ),
        Fault(
          check: "dimension",
          flags: ["--set", "dim=64"],
          message: "the rows have 256 dimensions and the configuration says dim = 64",
          isFixed: false
        ),
        Fault(
          check: "table",
          flags: ["--table", "public.nothing"],
          message: #"the table "public"."nothing" does not exist"#,
          isFixed: false
        ),
      ],
      "pgvector"
    )
  }

  @Test func faultsOfAnAnalyticDBTable() async throws {
    try await check(
      [
        Fault(
          check: "index",
          make: "DROP INDEX public.image_search_image_vector_idx;",
          message: "no vector index",
          undo: "DROP INDEX public.image_search_image_vector_ann;" + Self.ann
        ),
        Fault(
          check: "dimension",
          make: "DROP INDEX public.image_search_image_vector_idx;"
            + "INSERT INTO public.image_search (id, class, image_vector) VALUES (-1, 'short', '{1,2}');"
            // The first rows are looked at, and the new one lies behind them.
            + "CLUSTER public.image_search USING image_search_pkey;",
          message: "vectors of 2 to 256 dimensions",
          isFixed: false,
          // A deleted row would still meet the new index while another session's snapshot keeps it.
          undo: "TRUNCATE public.image_search;" + Self.rows(3000, cast: "") + ";" + Self.ann
        ),
        Fault(
          check: "index metric",
          flags: ["--metric", "ip"],
          message: "serves l2, and the configuration asks for ip",
          undo: Self.ann
        ),
        Fault(
          check: "settings",
          make: "\(Self.thisDatabase) SET fastann.hnsw_ef_search = 10;",
          message: "fastann.hnsw_ef_search is 10",
          undo: "\(Self.thisDatabase) RESET fastann.hnsw_ef_search;"
        ),
      ],
      "analyticdb"
    )
  }
}

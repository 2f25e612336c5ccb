import Foundation
import ImageSearch
import PostgresClient
import TestSupport
import Testing
import VectorSQL

/// What Greenplum and AnalyticDB have that PostgreSQL has not: sessions in utility mode, append-optimised tables, partitions
/// that inherit.
@Suite(.enabled(if: FileManager.default.isExecutableFile(atPath: Program.adbvec), "the command is not built"))
struct OldBaseTablesTests {
  @Test(arguments: [OldBaseMask.Base.greenplum6, .greenplum7])
  func aUtilitySessionIsRefused(_ base: OldBaseMask.Base) async throws {
    var base = base
    base.role = "utility"
    try await MaskedServer.with([], as: base, except: []) { masked, rows in
      let migration = try await masked.run("migrate", "up", "--set", "dim=4")
      let load = try await masked.run("load", rows)
      let search = try await masked.run("search", "--id", "7")
      let doctor = try await masked.run("doctor")
      for refused in [migration, load, search, doctor] {
        #expect(refused.exitCode != 0)
        let said = refused.output + refused.error
        #expect(
          said.contains("the session is in utility mode, which sees the rows of one node alone"),
          "\(said)"
        )
        #expect(said.contains("remove gp_session_role=utility"), "\(said)")
      }
    }
  }

  /// Many files are compared with the history by a line each, which the server makes.
  @Test func manyFilesThatRanAreNotReadAgain() async throws {
    try await withTemporaryFolder { folder in
      for number in 1...60 {
        try "-- migrate:up\nCREATE TABLE t\(number) (id int);\n"
          .write(toFile: "\(folder)/\(number)_t.sql", atomically: true, encoding: .utf8)
      }
      try await MaskedServer.with([], as: .greenplum6, except: []) { masked, _ in
        try await masked.succeed("migrate", "up", "--migrations", folder)
        let first = masked.mask.statements.count
        try await masked.succeed("migrate", "up", "--migrations", folder)
        let second = masked.mask.statements.dropFirst(first)
        #expect(second.contains { $0.contains("SELECT CASE WHEN coalesce(state") })
        #expect(!second.contains { $0.hasSuffix("SELECT * FROM public.adbvec_migrations") }, "\(second)")
      }
    }
  }

  /// Greenplum's append-optimised tables are an access method from 7 on; partitions hold the rows of a partitioned table.
  @Test func appendOptimisedAndPartitionedTablesAreRead() async throws {
    try await MaskedServer.with([], as: .greenplum7, except: []) { masked, _ in
      let connection = try await masked.database.connect()
      try await connection.run(
        """
        CREATE ACCESS METHOD ao_row TYPE TABLE HANDLER heap_tableam_handler;
        CREATE TABLE public.compact (id int, class text, image_vector vector(1000)) USING ao_row;
        ALTER TABLE public.compact ALTER image_vector SET STORAGE EXTERNAL;
        CREATE TABLE public.parted (LIKE public.compact) PARTITION BY RANGE (id);
        CREATE TABLE public.parted_1 PARTITION OF public.parted FOR VALUES FROM (0) TO (1000);
        CREATE TABLE public.parted_2 PARTITION OF public.parted FOR VALUES FROM (1000) TO (4000);
        INSERT INTO public.compact SELECT g, 'c', array_fill(g::real, ARRAY[1000])::vector FROM generate_series(1, 2000) g;
        INSERT INTO public.parted SELECT * FROM public.compact
        """
      )
      await connection.close()
      let compact = try await masked.run("doctor", "--images", "0", "--table", "public.compact").output
      #expect(compact.contains(#/ok +storage /#), "\(compact)")
      // The function of this stand-in tells the whole table's size for each of two segments.
      let parted = try await masked.run("doctor", "--images", "0", "--table", "public.parted").output
      #expect(parted.contains(/shards +2 on 2 nodes, (\d\d) to \1 MB each/), "\(parted)")
      #expect(
        masked.mask.statements.contains { $0.contains("gp_dist_random('gp_id')") && $0.contains("parted_2") }
      )
    }
  }

  /// Greenplum 6 keeps partitions as tables that inherit.
  @Test func partitionsOfGreenplumSixAreRead() async throws {
    try await MaskedServer.with([], as: .greenplum6, except: []) { masked, rows in
      let connection = try await masked.database.connect()
      try await connection.run(
        """
        CREATE TABLE public.parted (id int, class text, image_vector real[]);
        CREATE TABLE public.parted_1 () INHERITS (public.parted);
        CREATE TABLE public.parted_2 () INHERITS (public.parted);
        INSERT INTO public.parted_1 SELECT g, 'c', array_fill(g::real, ARRAY[100]) FROM generate_series(1, 1000) g;
        INSERT INTO public.parted_2 SELECT id + 1000, class, image_vector FROM public.parted_1;
        ANALYZE public.parted_1;
        ANALYZE public.parted_2
        """
      )
      await connection.close()
      let report = try await masked.run("doctor", "--images", "0", "--table", "public.parted").output
      #expect(report.contains("all 2000 rows looked at have one"), "\(report)")
      #expect(report.contains(/shards +2 on 2 nodes, (\d+) to \1 MB each/), "\(report)")
      #expect(
        masked.mask.statements.contains { $0.contains("gp_dist_random('gp_id')") && $0.contains("parted_2") }
      )
      try await masked.succeed(
        "unload",
        rows + ".jsonl",
        "--output-format",
        "jsonl",
        "--table",
        "public.parted"
      )
      let lines = try String(contentsOfFile: rows + ".jsonl", encoding: .utf8)
      #expect(lines.count { $0 == "\n" } == 2000)
    }
  }

  /// What `sql show` prints, and what the page and the typed searches send.
  @Test(arguments: [
    (ServerCapabilities.Product.analyticDB, true), (ServerCapabilities.Product.greenplum, false),
  ])
  func libraryStatementsAreWhatTheBaseTakes(_ product: ServerCapabilities.Product, hasANN: Bool) throws {
    let server = ServerCapabilities(
      product: product,
      serverVersion: 90_426,
      versionText: "",
      hasAnnIndex: hasANN
    )
    let dialect = try Dialect.analyticDB.checked(against: server)
    for statement in LibraryStatement.all {
      let text = try statement.sql(for: .imageSearch).rendered(for: dialect).text
      #expect(OldBase.refused(in: text).isEmpty, "\(statement.name): \(text)")
      #expect(OldBase.unknownNames(in: text).isEmpty, "\(statement.name): \(text)")
      #expect(hasANN || !text.contains("<->"), "\(statement.name): \(text)")
    }
  }
}

import Basics
import Foundation
import Migrations
import PostgresClient
import Testing

/// Random files, random faults, edits between the attempts: what is there at the end is what an unbroken run makes, or the
/// run stops with its reason.
///
/// `ADBVEC_HISTORIES` says how many histories are tried (12 when it does not).
@Suite(.enabled(if: MigrationsDatabase.isThere, MigrationsDatabase.reason))
struct MigrationsPropertyTests {
  private static let count = ProcessInfo.processInfo.environment["ADBVEC_HISTORIES"].flatMap { Int($0) } ?? 12

  @Test func `After every fault in a run the end is that of an unbroken one or a reason`() async throws {
    var ends: [History.End: Int] = [:]
    for seed in 1...Self.count {
      let history = History(seed: UInt64(seed))
      var expected: [String] = []
      try await MigrationsDatabase.with { database in
        let connection = try await database.connect()
        try await connection.run(trusted: History.preparation)
        _ = try await migrator(history.files(isFixed: true)).up(on: connection).report
        expected = try await History.contents(database)
      }
      try await MigrationsDatabase.with { database in
        try await database.connect().run(trusted: History.preparation)
        let end = try await history.play(on: database)
        ends[end, default: 0] += 1
        let found = try await History.contents(database)
        if end == .complete {
          #expect(found == expected, "seed \(seed)")
        } else {
          // What ran before the reason ran once.
          let rows = found.filter { $0.hasPrefix("log ") }
          #expect(Set(rows).count == rows.count, "seed \(seed)")
        }
      }
    }
    #expect(ends[.complete, default: 0] > 0, "\(ends)")
    print("histories: \(ends)")
  }
}

/// Files and the faults of the runs that apply them.
private struct History {
  /// How it ends.
  enum End: String {
    case complete, cannotResume, outcomeUnknown
  }

  /// A statement that fails until the file is edited, or one that never does.
  private struct Piece {
    var text: String
    var broken: String?
  }

  private struct File {
    var isTransaction: Bool
    var pieces: [Piece]
  }

  private let seed: UInt64
  private var files: [File] = []

  static let preparation = """
    CREATE SCHEMA s;
    CREATE TABLE log (n int);
    CREATE TABLE t (id int);
    INSERT INTO t SELECT generate_series(1, 50);
    CREATE INDEX t_first ON t (id);
    CREATE TYPE mood AS ENUM ('ok');
    CREATE TABLE parts (d int) PARTITION BY RANGE (d);
    CREATE TABLE part1 PARTITION OF parts FOR VALUES FROM (1) TO (2);
    CREATE TABLE part2 PARTITION OF parts FOR VALUES FROM (2) TO (3);
    CREATE PROCEDURE plain(n int) LANGUAGE sql AS 'INSERT INTO public.log VALUES (n)';
    CREATE PROCEDURE commits(n int) LANGUAGE plpgsql AS $$
      BEGIN INSERT INTO public.log VALUES (n); COMMIT; PERFORM pg_sleep(0.005); INSERT INTO public.log VALUES (n + 1); END $$
    """

  init(seed: UInt64) {
    self.seed = seed
    var random = SeededGenerator(seed: seed)
    var number = 0
    var detached = 0
    for _ in 0..<Int.random(in: 1...3, using: &random) {
      let isTransaction = Int.random(in: 0..<4, using: &random) == 0
      var pieces: [Piece] = []
      for _ in 0..<Int.random(in: 2...6, using: &random) {
        number += 10
        let kind = Int.random(in: 0..<(isTransaction ? 9 : 18), using: &random)
        pieces.append(Self.piece(kind, number, &detached))
      }
      files.append(File(isTransaction: isTransaction, pieces: pieces))
    }
  }

  private static func piece(_ kind: Int, _ number: Int, _ detached: inout Int) -> Piece {
    let insert = "INSERT INTO public.log VALUES (\(number))"
    switch kind {
    case 0: return Piece(text: insert)
    case 1: return Piece(text: insert, broken: "INSERT INTO public.log SELECT \(number) / 0")
    case 2: return Piece(text: "DO $$ BEGIN \(insert); PERFORM pg_sleep(0.005); END $$")
    case 3: return Piece(text: "CREATE TABLE x\(number) (id int)")
    case 4: return Piece(text: "DO $$ BEGIN PERFORM set_config('search_path', 's', false); END $$")
    case 5: return Piece(text: "SET search_path = public")
    case 6: return Piece(text: "COPY public.log FROM STDIN;\n\(number)\n\(number + 1)\n\\.")
    case 7: return Piece(text: "CALL public.plain(\(number))")
    case 8:
      return Piece(
        text:
          "INSERT INTO public.log SELECT \(number) FROM set_config('work_mem', '\(number + 100)kB', false)"
      )
    case 9: return Piece(text: "CREATE INDEX CONCURRENTLY ON public.t (id, (id + \(number)))")
    case 10: return Piece(text: "CREATE INDEX CONCURRENTLY IF NOT EXISTS i\(number) ON public.t (id)")
    case 11: return Piece(text: "REINDEX TABLE CONCURRENTLY public.t")
    case 12: return Piece(text: "VACUUM public.t")
    case 13:
      return Piece(text: "BEGIN;\n\(insert);\nINSERT INTO public.log VALUES (\(number + 1));\nCOMMIT")
    case 14: return Piece(text: "ALTER TYPE public.mood ADD VALUE 'm\(number)'")
    case 15 where detached < 2:
      detached += 1
      return Piece(text: "ALTER TABLE public.parts DETACH PARTITION public.part\(detached) CONCURRENTLY")
    case 16: return Piece(text: "CREATE TEMP TABLE temp\(number) AS SELECT \(number) AS n")
    default: return Piece(text: "CALL public.commits(\(number))")
    }
  }

  func files(isFixed: Bool, edited: Int? = nil) -> [String: String] {
    var texts: [String: String] = [:]
    for (index, file) in files.enumerated() {
      let statements = file.pieces.map { piece in
        let text = (isFixed ? nil : piece.broken) ?? piece.text
        // Data of a COPY ends its statement by itself.
        return text + (text.hasSuffix("\\.") ? "\n" : ";\n")
      }
      // An edit of a statement that may have run: it goes unnoticed nowhere.
      let first = edited == index ? "SELECT 1;\n" : ""
      texts["\(index + 1)_f.sql"] =
        "-- migrate:up\(file.isTransaction ? "" : " transaction:false")\n" + first + statements.joined()
    }
    return texts
  }

  /// Runs with faults until a run ends without one, or stops with a reason.
  func play(on database: MigrationsDatabase) async throws -> End {
    var random = SeededGenerator(seed: seed &* 7919)
    var isFixed = false
    for attempt in 0..<14 {
      let connection = try await database.connect()
      let run = try migrator(files(isFixed: isFixed)).up(on: connection)
      let fault = attempt < 9 ? Int.random(in: 0..<5, using: &random) : 4
      let delay = Int.random(in: 0..<60, using: &random)
      let breaking = Task {
        try await Task.sleep(for: .milliseconds(delay))
        switch fault {
        case 0, 1: connection.abandon()
        case 2:
          try await database.connect().run(trusted: "SELECT pg_terminate_backend(\(connection.backendPID))")
        case 3: run.cancel()
        default: break
        }
      }
      do {
        _ = try await run.report
        _ = try? await breaking.value
        await connection.close()
        return .complete
      } catch {
        _ = try? await breaking.value
        await connection.close()
        if let end = Self.end(error) { return end }
        let known = (error as? MigrationError) ?? (error as? MigrationErrors)?.errors.first
        if known?.sqlState == "22012" { isFixed = true }
        if known?.code == .drift { Issue.record("seed \(seed): \(error)") }
      }
      try await tryEdit(database, &random)
    }
    Issue.record("seed \(seed) never came to an end")
    return .complete
  }

  private static func end(_ error: any Error) -> End? {
    let errors = (error as? MigrationErrors)?.errors ?? (error as? MigrationError).map { [$0] } ?? []
    if errors.contains(where: { $0.code == .cannotResume }) { return .cannotResume }
    return errors.contains { $0.code == .outcomeUnknown } ? .outcomeUnknown : nil
  }

  /// An edit before what ran is refused and changes nothing.
  private func tryEdit(_ database: MigrationsDatabase, _ random: inout SeededGenerator) async throws {
    guard Int.random(in: 0..<4, using: &random) == 0 else { return }
    let connection = try await database.connect()
    let status = try await migrator(files(isFixed: true)).status(on: connection)
    guard
      let partial = status.migrations.firstIndex(where: {
        $0.record?.statementsDone ?? 0 > 0 && $0.state == .partial
      })
    else { return }
    let edited = try migrator(files(isFixed: true, edited: partial))
    let error = await #expect(throws: MigrationErrors.self) { try await edited.up(on: connection).report }
    #expect(error?.errors.first?.code == .drift, "seed \(seed)")
    await connection.close()
  }

  /// Everything that the files may have made, and the rows in their number.
  static func contents(_ database: MigrationsDatabase) async throws -> [String] {
    let connection = try await database.connect()
    // A statement whose client is gone may be on its way still.
    try await waitUntil {
      try await connection.column(
        "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND state <> 'idle' AND backend_type = 'client backend'"
      ).isEmpty
    }
    let found = try await connection.column(
      """
      SELECT 'log ' || n FROM public.log
      UNION ALL SELECT 'relation ' || n.nspname || '.' || c.relname || ' ' || c.relkind::text FROM pg_class c
        JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname IN ('public', 's') AND c.relname !~ '^adbvec'
      UNION ALL SELECT 'index ' || pg_get_indexdef(indexrelid) || ' ' || indisvalid FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
        JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname IN ('public', 's') AND c.relname !~ '^adbvec'
      UNION ALL SELECT 'label ' || enumlabel FROM pg_enum
      UNION ALL SELECT 'part ' || inhrelid::regclass FROM pg_inherits
      UNION ALL SELECT 'version ' || concat_ws(' ', version, state, statements_done) FROM public.adbvec_migrations
      ORDER BY 1
      """
    )
    await connection.close()
    return found
  }
}

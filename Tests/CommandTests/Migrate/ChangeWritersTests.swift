import Foundation
import PostgresClient
import TestSupport
import Testing

/// What readers and writers of a table see while it changes: nobody is refused, nothing stale survives, nothing is left behind.
struct ChangeWritersTests {
  /// Rows, a second table for what writers wrote, and the files of a change.
  private static func beginChange(of rows: Int, _ bench: ChangeBench) async throws {
    try await bench.fill(rows)
    _ = try await bench.rows(
      "CREATE TABLE shadow AS SELECT id, image_vector AS v FROM image_search; CREATE UNIQUE INDEX ON shadow (id)"
    )
    try await bench.succeed("migrate", "new", "--re-embed", "half", "--to-type", "halfvec")
  }

  @Test func writersAreNeverRefusedAndNothingStaleSurvives() async throws {
    try await ChangeBench.with(dimension: 8) { bench in
      try await Self.beginChange(of: 400, bench)
      let writer = RowWriter(bench.database)
      let writing = Task { try await writer.run() }
      for _ in 0..<8 {
        try await bench.succeed("migrate", "up")
        try await bench.succeed("migrate", "down")
      }
      try await bench.succeed("migrate", "up")
      writing.cancel()
      let written = try await writing.value
      #expect(written > 0)
      #expect(try await RowWriter.differences(bench) == "0")
    }
  }

  /// Writers with any search path, those of a subscription, and triggers that change the vectors that they are given.
  @Test func whoeverWritesARowAndHoweverNothingStaleSurvives() async throws {
    try await ChangeBench.with(dimension: 8) { bench in
      try await bench.fill(60)
      _ = try await bench.rows(
        """
        CREATE FUNCTION make_unit() RETURNS trigger LANGUAGE plpgsql AS
          $$ BEGIN NEW.image_vector := public.l2_normalize(NEW.image_vector); RETURN NEW; END $$;
        CREATE FUNCTION first_image() RETURNS image_search LANGUAGE sql AS 'SELECT * FROM image_search ORDER BY id LIMIT 1';
        CREATE TRIGGER unit BEFORE INSERT OR UPDATE ON image_search FOR EACH ROW EXECUTE FUNCTION make_unit()
        """
      )
      let files = try await bench.succeed("migrate", "new", "--re-embed", "half", "--to-type", "halfvec")
      #expect(files.error.contains("unit on"), "\(files.error)")
      #expect(files.error.contains("first_image() may name"), "\(files.error)")
      try await bench.succeed("migrate", "up", "--to", try bench.version("gate"))
      _ = try await bench.rows(
        """
        SET session_replication_role = replica;
        UPDATE image_search SET image_vector = '[1,2,3,4,5,6,7,8]' WHERE id = 1;
        INSERT INTO image_search (id, class, image_vector) VALUES (1000, 'new', '[8,2,3,4,5,6,7,8]');
        RESET session_replication_role;
        SET search_path = '';
        UPDATE public.image_search SET image_vector = '[2,2,3,4,5,6,7,8]'::public.vector WHERE id = 2;
        RESET search_path;
        ALTER TABLE image_search DISABLE TRIGGER unit;
        UPDATE image_search SET image_vector = '[3,2,3,4,5,6,7,8]' WHERE id = 3;
        ALTER TABLE image_search ENABLE TRIGGER unit;
        UPDATE image_search SET class = 'touched' WHERE id = 3
        """
      )
      #expect(
        try await bench.value("SELECT count(*) FROM image_search WHERE image_vector_next IS NULL") == "0"
      )
      try await bench.succeed("migrate", "up")
      #expect(
        try await bench.value(
          "SELECT count(*) FROM image_search WHERE image_vector IS DISTINCT FROM image_vector_previous::halfvec(8)"
        ) == "0"
      )
      #expect(
        try await bench.value("SELECT image_vector::text FROM image_search WHERE id = 1")
          == "[1,2,3,4,5,6,7,8]"
      )
    }
  }

  /// The table in docs/change-model.md, a stage after the other.
  @Test func readersAndWritersSeeWhatTheTableOfStagesSays() async throws {
    try await ChangeBench.with(dimension: 8) { bench in
      try await bench.fill(60)
      let old = try await bench.checksum(where: "id <= 60")
      try await bench.succeed("migrate", "new", "--re-embed", "half", "--to-type", "halfvec")
      /// Inserts with and without names, changes a vector and a class, and deletes.
      func write(_ number: Int) async throws {
        let vector = "'[\(number),2,3,4,5,6,7,8]'"
        for sql in [
          "INSERT INTO image_search (id, class, image_vector) VALUES (\(number), 'named', \(vector))",
          "UPDATE image_search SET image_vector = \(vector) WHERE id = \(number)",
          "UPDATE image_search SET class = 'other' WHERE id = \(number)",
        ] { _ = try await bench.rows(sql) }
        #expect(
          try await bench.value("SELECT image_vector::text FROM image_search WHERE id = \(number)")
            == "[\(number),2,3,4,5,6,7,8]"
        )
      }
      for (stage, number) in [("expand", 100), ("backfill", 101), ("index", 102), ("gate", 103)] {
        try await bench.succeed("migrate", "up", "--to", try bench.version(stage))
        #expect(try await bench.checksum(where: "id <= 60") == old, "\(stage)")
        try await write(number)
        _ = try await bench.rows(
          "INSERT INTO image_search VALUES (\(number + 100), 'unnamed', '[1,2,3,4,5,6,7,8]')"
        )
      }
      #expect(try await bench.rows("SELECT * FROM image_search WHERE id = 1").first?.count == 7)
      try await bench.succeed("migrate", "up")
      #expect(
        try await bench.checksum(where: "id <= 60")
          == (try await bench.checksum("image_vector_previous::halfvec(8)", where: "id <= 60"))
      )
      try await write(104)
      await #expect(throws: PostgresError.self) {
        try await bench.rows("INSERT INTO image_search VALUES (204, 'unnamed', '[1,2,3,4,5,6,7,8]')")
      }
      try await bench.succeed("migrate", "down")
      #expect(try await bench.checksum(where: "id <= 60") == old)
      try await write(105)
      try await bench.succeed("migrate", "up")
      try await bench.succeed("migrate", "new", "--contract", "half")
      try await bench.succeed("migrate", "up")
      #expect(try await bench.rows("SELECT * FROM image_search WHERE id = 1").first?.count == 5)
      try await write(106)
    }
  }

  /// No statement that a session has prepared returns a column of another type, so that none has to be prepared again.
  @Test func preparedWritersAndSearchesGoOnThroughAllStages() async throws {
    try await ChangeBench.with(dimension: 8) { bench in
      try await bench.fill(60)
      let session = try await bench.database.connect()
      try await session.run(
        """
        PREPARE put AS INSERT INTO image_search (id, class, image_vector) VALUES ($1, $2, $3) RETURNING id;
        PREPARE change AS UPDATE image_search SET image_vector = $2 WHERE id = $1;
        PREPARE near AS SELECT id, class FROM image_search ORDER BY image_vector <-> $1 LIMIT 3;
        PREPARE whole AS SELECT * FROM image_search WHERE id = $1
        """
      )
      var number = 1000
      func write() async throws {
        number += 1
        let vector = "'[\(number),2,3,4,5,6,7,8]'"
        try await session.run(
          trusted: "EXECUTE put(\(number), 'new', '[1,2,3,4,5,6,7,8]'); EXECUTE change(\(number), \(vector))"
        )
        let found = try await session.run(trusted: "EXECUTE near(\(vector))").last?.rows ?? []
        #expect(found.first?.first == String(number))
      }
      try await write()
      _ = try await session.run("EXECUTE whole(1)")
      try await bench.succeed("migrate", "new", "--re-embed", "half", "--to-type", "halfvec")
      for stage in ["expand", "backfill", "index", "gate", "switch"] {
        try await bench.succeed("migrate", "up", "--to", try bench.version(stage))
        try await write()
      }
      // What PostgreSQL refuses after every ALTER TABLE: the docs say so.
      await #expect(throws: PostgresError.self) { try await session.run("EXECUTE whole(1)") }
      try await bench.succeed("migrate", "down")
      try await write()
      await session.close()
      #expect(
        try await bench.value(
          "SELECT count(*) FROM image_search WHERE id > 1000 AND image_vector IS NOT NULL"
        ) == "7"
      )
    }
  }

  /// As a vacuum does, for which attempts of a tenth of a second would be in vain.
  @Test func aLockLikeThatOfAVacuumIsWaitedForWhileWritersGoOn() async throws {
    try await ChangeBench.with(dimension: 8) { bench in
      try await bench.fill(50)
      try await bench.succeed("migrate", "new", "--re-embed", "half", "--to-type", "halfvec")
      try await bench.succeed("migrate", "up", "--to", try bench.version("gate"))
      let vacuum = try await bench.database.connect()
      try await vacuum.run("BEGIN; LOCK TABLE image_search IN SHARE UPDATE EXCLUSIVE MODE")
      let up = Task { try await bench.run(["migrate", "up"]) }
      let waiting = """
        SELECT count(*) FROM pg_locks WHERE NOT granted AND mode = 'ShareUpdateExclusiveLock'
          AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
        """
      for _ in 0..<600 {
        if try await bench.value(waiting) != "0" { break }
        try await Task.sleep(for: .milliseconds(20))
      }
      #expect(try await bench.value(waiting) == "1")
      _ = try await bench.rows(
        "SET lock_timeout = '5s'; INSERT INTO image_search (id, class, image_vector) VALUES (1000, 'late', '[1,2,3,4,5,6,7,8]')"
      )
      try await vacuum.run("COMMIT")
      await vacuum.close()
      let finished = try await up.value
      #expect(finished.exitCode == 0, "\(finished.error)")
      #expect(
        try await bench.value("SELECT image_vector::text FROM image_search WHERE id = 1000")
          == "[1,2,3,4,5,6,7,8]"
      )
    }
  }

  /// Some kills here; more of them when `ADBVEC_KILLS` says so.
  @Test func killsAtAnyMomentLeaveNothingBehind() async throws {
    let kills = Environment.variables["ADBVEC_KILLS"].flatMap { Int($0) } ?? 12
    try await ChangeBench.with(dimension: 8) { bench in
      try await Self.beginChange(of: 2000, bench)
      let writer = RowWriter(bench.database)
      let writing = Task { try await writer.run() }
      try await Self.kill(kills, bench)
      try await bench.succeed("migrate", "up")
      writing.cancel()
      #expect(try await writing.value > 0)
      #expect(try await RowWriter.differences(bench) == "0")
      try await bench.succeed("migrate", "new", "--contract", "half")
      try await bench.succeed("migrate", "up")
      #expect(try await bench.leftovers() == [])
      #expect(try await bench.value("SELECT count(*) FROM adbvec_migrations WHERE state <> 'applied'") == "0")
      #expect(
        try await bench.value(
          "SELECT count(*) FROM image_search i FULL JOIN shadow s USING (id) WHERE i.image_vector IS DISTINCT FROM s.v::halfvec(8)"
        )
          == "0"
      )
    }
  }

  /// Goes up and down, each killed after a random time until one run gets to its end: at any moment of a run as long as the
  /// last whole one was.
  static func kill(_ kills: Int, _ bench: ChangeBench) async throws {
    var isUp = true
    var done = 0
    var up = Duration.milliseconds(900)
    var down = up
    while done < kills {
      let process = try bench.start(
        isUp ? ["migrate", "up"] : ["migrate", "down", "--to", try bench.version(nil), "--yes"]
      )
      let start = ContinuousClock.now
      let end = start + (isUp ? up : down) * Double.random(in: 0.02...1.2)
      while process.isRunning, .now < end { try await Task.sleep(for: .milliseconds(5)) }
      if process.isRunning {
        Foundation.kill(process.processIdentifier, SIGKILL)
        done += 1
      }
      process.waitUntilExit()
      if process.terminationReason == .exit {
        try #require(process.terminationStatus == 0)
        let whole = max(.now - start, .milliseconds(200))
        if isUp { up = whole } else { down = whole }
        isUp.toggle()
      }
    }
    if !isUp { try await bench.succeed("migrate", "down", "--to", try bench.version(nil), "--yes") }
  }
}

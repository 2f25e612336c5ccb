import Basics
import ImageCodecs
import ImageSources
import PostgresClient
import Synchronization
import Testing
import VectorSQL

@testable import ImageSearch
@testable import Ingestion

/// The small parts that a load stands on.
struct LoadPartsTests {
  @Test func doneRangesJoinAndAreFound() {
    let done = DoneRanges([10..<20, 0..<5, 5..<8, 30..<40, 30..<35])
    #expect(done.ranges == [0..<8, 10..<20, 30..<40])
    #expect(done.prefix == 8 && done.count == 28)
    #expect(done.range(holding: 15) == 10..<20)
    #expect(done.range(holding: 8) == nil)
    #expect(done.nextDone(from: 8) == 10 && done.nextDone(from: 12) == 12 && done.nextDone(from: 40) == nil)
    #expect(DoneRanges([1..<5]).prefix == 0)
  }

  @Test(arguments: 0..<20)
  func aSetOfPositionsIsWhatASetIs(seed: Int) {
    var random = SeededGenerator(seed: UInt64(seed))
    var (packed, plain) = (PositionSet(), Set<Int>())
    let range = [3, 64, 65, 200, 3_000][seed % 5]
    for _ in 0..<400 {
      let position = Int.random(in: 0..<range, using: &random)
      if Int.random(in: 0..<3, using: &random) > 0 {
        packed.insert(position)
        plain.insert(position)
      } else {
        packed.remove(position)
        plain.remove(position)
      }
    }
    #expect(Array(packed) == plain.sorted() && packed.count == plain.count && packed.isEmpty == plain.isEmpty)
    #expect((0..<range * 2).allSatisfy { packed.contains($0) == plain.contains($0) })
    let other = Set((0..<10).map { _ in Int.random(in: 0..<range * 2, using: &random) })
    #expect(Array(packed.union(PositionSet(other))) == plain.union(other).sorted())
    #expect(packed.union(PositionSet(other)) == PositionSet(other).union(packed))
    #expect(packed.union(PositionSet(other)).count == plain.union(other).count)
  }

  @Test func packedIDsAreThoseThatWereSet() {
    let texts = ["", "x", "1b4e28ba-2fa1-11d2-883f-0016d3cca427", "007", "é", "e\u{301}"].map { ImageID($0) }
    let all: [ImageID?] = [nil, 0, -5, ImageID(Int64.max), ImageID(Int64.min)] + texts + [nil]
    var ids = RowIDs()
    for (position, id) in all.enumerated().reversed() { ids[position] = id }
    #expect(all.indices.allSatisfy { ids[$0] == all[$0] && ids.hasID(at: $0) == (all[$0] != nil) })
    ids[5] = nil
    ids[0] = ImageID("another text")
    ids.insert(7)
    ids.insert(100)
    #expect(ids[5] == nil && ids[0] == ImageID("another text") && ids[6] == all[6] && ids[7] == all[7])
    #expect(ids[100] == nil && ids.hasID(at: 100) && !ids.hasID(at: 99) && !ids.hasID(at: 5))
  }

  /// Ids are kept as distances from each other: near and far, in any order, removed and set again.
  @Test(arguments: 0..<60)
  func packedIDsAreThoseOfADictionary(seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    var (packed, plain) = (RowIDs(), [Int: ImageID]())
    let spread = [0, 1, 100, 1 << 14, 1 << 30, .max][Int(seed) % 6]
    for _ in 0..<Int.random(in: 1...400, using: &random) {
      let position = Int.random(in: 0..<200, using: &random)
      var id = ImageID(Int64(position &+ Int.random(in: -(spread / 2)...spread, using: &random)))
      if Int.random(in: 0...9, using: &random) == 0 { id = ImageID("t\(position)") }
      let value = Int.random(in: 0...4, using: &random) == 0 ? nil : id
      (packed[position], plain[position]) = (value, value)
    }
    #expect((0..<400).allSatisfy { packed[$0] == plain[$0] && packed.hasID(at: $0) == (plain[$0] != nil) })
  }

  @Test func contentsAreKnownByTheirHashes() {
    var contents = ImageContents()
    let hashes = (0..<500).map { SHA256.hexadecimal(of: "\($0 % 300)") }
    for (position, hash) in hashes.enumerated().reversed() { contents.insert(hash, at: position * 2) }
    #expect(contents.count == 300)
    #expect(
      hashes.indices.allSatisfy { contents.hash(at: $0 * 2) == hashes[$0] && contents[$0 * 2 + 1] == nil }
    )
    #expect(contents[0] == contents[600] && contents[0] != contents[2])
    for wrong in ["", "x", String(hashes[0].dropLast()) + "g", hashes[0] + "0"] {
      contents.insert(wrong, at: 1)
    }
    #expect(contents[1] == nil && contents.count == 300)
  }

  @Test func idsThatComeTwiceInABatchAreDecidedHere() {
    var rows = FeatureBatch()
    for (id, value) in [(1, 1), (2, 2), (1, 3)] {
      rows.append(id: ImageID(Int64(id)), label: nil, vector: [Float(value)])
    }
    let first = rows.distinct(keepingLast: false)
    #expect(first.ids == [1, 2] && first.values == [1, 2])
    let last = rows.distinct(keepingLast: true)
    #expect(last.ids == [2, 1] && last.values == [2, 3])
  }

  @Test func seenIDsKnowEveryID() {
    var seen = SeenIDs()
    let ids: [ImageID] = [
      0, 1, 63, 64, 4095, 4096, -1, ImageID(.min), ImageID(.max), ImageID("a"), ImageID("007"),
    ]
    let first = ids.map { seen.insert($0) }
    let second = ids.map { seen.insert($0) }
    #expect(first.allSatisfy { $0 } && !second.contains(true))
  }

  @Test func recordsAreResumedOnlyWhereNothingChanged() throws {
    var record = LoadRecord(tableOID: 1, fingerprint: "f", recipe: "r", onConflict: .fail)
    record.add(Self.batch(0..<5))
    var now = LoadRecord.Circumstances(
      wanted: .resume,
      tableOID: 1,
      rows: 5,
      hasUniqueID: true,
      fingerprint: "f",
      recipe: "r",
      source: "s",
      expected: 5
    )
    func decide(_ change: (inout LoadRecord.Circumstances) -> Void = { _ in }) throws
      -> LoadRecord.Continuation
    {
      var changed = now
      change(&changed)
      return try record.continuation(changed)
    }
    #expect(try decide() == .resume)
    #expect(try decide { ($0.wanted, $0.fingerprint, $0.recipe) = (.restart, "x", "y") } == .fresh)
    #expect(throws: LoadError.self) { try decide { $0.wanted = .ask } }
    #expect(throws: LoadError.self) { try decide { $0.fingerprint = "x" } }
    #expect(throws: LoadError.self) { try decide { $0.recipe = "x" } }
    #expect(try decide { $0.rows = 4 } == .repair, "rows were deleted")
    #expect(throws: LoadError.self) { try decide { ($0.rows, $0.hasUniqueID) = (4, false) } }
    #expect(try decide { $0.rows = 0 } == .fresh, "the table was emptied")
    record.isFinished = true
    now.wanted = .ask
    #expect(try decide() == .finished)
    #expect(throws: LoadError.self, "rows were deleted") { try decide { $0.rows = 4 } }
    #expect(try decide { $0.expected = 6 } == .resume, "--limit was 5 and is 6")
    #expect(try decide { $0.tableOID = 2 } == .fresh, "the table was made anew")
  }

  private static func batch(_ positions: Range<Int>) -> CommittedBatch {
    CommittedBatch(
      positions: positions,
      place: SourcePlace(position: positions.upperBound, offset: positions.upperBound * 10, line: 1),
      counts: LoadCounts(loaded: positions.count, skipped: 0, replaced: 0, unreadable: 0)
    )
  }

  /// Images whose first byte is their position; some cannot be read.
  private struct Numbered: ImageCollection {
    let name = "numbered"
    let count: Int
    let broken: Set<Int>

    func entry(at position: Int) -> ImageEntry {
      ImageEntry(
        id: position,
        label: "\(position % 3)",
        name: "p\(position)",
        place: .file("/p\(position)")
      )
    }

    func image(at position: Int) throws -> Image {
      guard !broken.contains(position) else {
        throw ImageError(.truncated, "cut short", file: "p\(position)")
      }
      return try Image(width: 1, height: 1, rgb: [UInt8(position), 0, 0])
    }

    func fingerprint() -> SourceFingerprint { SourceFingerprint("f") }
  }

  @Test func imagesComeInOrderAndUnreadableOnesAreCounted() async throws {
    let images = Numbered(count: 100, broken: [0, 41, 99])
    let source = ImageBatchSource(images, .init(workers: 4)) { { [Float($0.rgb[0]), 1] } }
    var ids: [ImageID] = []
    var unreadable: [Int] = []
    while let batch = try await source.next(rows: 30, skipping: DoneRanges([10..<20, 50..<60])) {
      for row in 0..<batch.rows.count {
        #expect(batch.rows.withVector(row) { ImageID(Int64($0[0])) } == batch.rows.ids[row])
        #expect(batch.rows.places[row] == .file("/p\(batch.rows.ids[row])"))
      }
      #expect(batch.positions.count == batch.rows.count + batch.unreadable.count)
      ids += batch.rows.ids
      unreadable += batch.unreadable.map(\.position)
    }
    let done = Set(10..<20).union(50..<60)
    #expect(
      ids.compactMap(\.number).map(Int.init)
        == (0..<100).filter { !done.contains($0) && !images.broken.contains($0) }
    )
    #expect(unreadable == [0, 41, 99])
  }

  @Test func aStrictLoadStopsAtAnUnreadableImage() async throws {
    let source = ImageBatchSource(Numbered(count: 9, broken: [5]), .init(workers: 2, isStrict: true)) {
      { _ in [1] }
    }
    let error = await #expect(throws: LoadError.self) {
      try await source.next(rows: 9, skipping: DoneRanges())
    }
    #expect(error?.description == "p5: cut short")
  }

  @Test func aFailingExtractorIsNoUnreadableImage() async throws {
    struct Broken: Error {}
    let source = ImageBatchSource(Numbered(count: 9, broken: []), .init(workers: 2)) {
      { _ in throw Broken() }
    }
    await #expect(throws: Broken.self) { try await source.next(rows: 9, skipping: DoneRanges()) }
  }

  /// pgvector 0.8 said that 64 MB held 13,438 rows of 1,000 numbers.
  @Test func anIndexGetsMemoryForItsGraph() {
    #expect(IndexBuild.memory(rows: 13_438, dimension: 1000) > 64 * 1024)
    #expect(IndexBuild.memory(rows: 60_000, dimension: 1000) == 332_203)
    #expect(IndexBuild.memory(rows: 100_000_000, dimension: 1000) == 2 * 1024 * 1024 - 1)
  }

  @Test func buildsThatRunAtOnceShareTheMemoryOfTheirNode() {
    func setting(_ wanted: Int, _ nodes: [IndexBuild.NodeMemory], atOnce: Int = 1, free: Int? = nil) -> Int? {
      IndexBuild.setting(wanted: wanted, nodes: nodes, atOnce: atOnce, free: free)
    }
    let node = IndexBuild.NodeMemory(current: 64, shared: 1600, isLocal: false)
    #expect(setting(1000, [node]) == 1000)
    #expect(setting(5000, [node]) == 1600)
    #expect(setting(1000, [node, node], atOnce: 16) == 100)
    #expect(setting(1000, [node], atOnce: 100) == nil)
    let local = IndexBuild.NodeMemory(current: 64, shared: 1600, isLocal: true)
    #expect(setting(1000, [local, local], atOnce: 4, free: 8000) == 500)
    // Nobody's memory is lowered below what the build wants.
    let large = IndexBuild.NodeMemory(current: 800, shared: 1600, isLocal: false)
    #expect(setting(1000, [node, large], atOnce: 4) == nil)
    #expect(setting(300, [node, large], atOnce: 4) == 300)
    #expect(setting(1000, []) == nil)
  }

  @Test func aBatchIsSentAgainWhenItsEngineHasLostANode() {
    func isRetried(_ state: String?, _ engine: Engine, _ code: PostgresError.Code = .server) -> Bool {
      PostgresError(code: code, message: "", sqlState: state).isWorthRetrying(on: engine)
    }
    for state in ["58030", "XX000"] {
      #expect(isRetried(state, .citus))
      #expect(!isRetried(state, .singleNode))
    }
    #expect(isRetried("58M01", .segments) && !isRetried("58M01", .singleNode))
    for engine in [Engine.singleNode, .citus, .segments] {
      #expect(isRetried(nil, engine, .connectionLost))
      #expect(isRetried("08006", engine) && isRetried("40P01", engine) && isRetried("53300", engine))
      #expect(!isRetried("23505", engine) && !isRetried("42P01", engine) && !isRetried(nil, engine))
      #expect(!isRetried(nil, engine, .invalidSettings))
    }
  }

  /// A segment's error, as it was recorded, ends with the segment and has no names beside the message; a shard's constraint
  /// has its number behind the name.
  @Test(arguments: [
    ("\"t_pkey\"", true), ("\"t_pkey\"  (seg1 127.0.0.1:6502 pid=123)", true), ("\"t_pkey_102008\"", true),
    ("\"t_pkey_other\"", false), ("\"t_source_key\"", false), ("t_pkey", false),
  ])
  func idsThatAreTakenAreToldByTheMessage(_ name: String, isID: Bool) {
    let error = PostgresError(
      code: .server,
      message: "duplicate key value violates unique constraint \(name)",
      sqlState: "23505"
    )
    let stopped = LoadInterruption(
      cause: error,
      counts: LoadCounts(),
      isResumable: true,
      idConstraints: ["t_pkey"],
      followsChanges: false,
      resumeAdvice: "go on with --resume"
    )
    #expect(stopped.description.contains("--on-conflict skip goes on") == isID)
  }

  @Test func theJournalsRefusalIsKnownThoughNoTableIsNamed() {
    var error = PostgresError(
      code: .server,
      message:
        "null value in column \"end_position\" violates not-null constraint  (seg0 127.0.0.1:6501 pid=1)",
      sqlState: "23502"
    )
    #expect(error.isRefusalOfJournal)
    error.tableName = "adbvec_load_batch"
    #expect(error.isRefusalOfJournal)
    error.tableName = "image_search"
    #expect(!error.isRefusalOfJournal)
  }

  @Test func aTransactionOnSeveralNodesHasMoreRowsWhereTheRowsSuffice() {
    var options = LoadOptions()
    func rows(_ engine: Engine, _ expected: Int?, dimension: Int = 256) -> Int {
      options.batchRows(dimension: dimension, on: engine, expected: expected)
    }
    #expect(rows(.singleNode, 1_000_000) == 5120 && rows(.singleNode, nil) == 5120)
    #expect(rows(.citus, 1_000_000) == 20_480 && rows(.segments, nil) == 20_480)
    #expect(rows(.citus, 30_000) == 15_000 && rows(.citus, 400) == 5120)
    #expect(rows(.citus, 1_000_000, dimension: 4) == 40_000)
    options.connections = 4
    #expect(rows(.citus, 80_000) == 10_000)
    options.batchRows = 7
    #expect(rows(.citus, 80_000) == 7)
  }

  @Test func shardsThatAreNotBuiltAnyMoreAreDone() {
    var shards = Shards(count: 3, placements: 3, atOnce: 2)
    let none = shards.take([:])
    #expect(none == nil)
    let first = shards.take(["a/1": 0.5, "b/1": 0.25])
    #expect(first?.phase == "building the indexes of shards, 0 of 3 done")
    #expect(first?.share == 0.25)
    let second = shards.take(["b/1": 0.125, "a/2": 0])
    #expect(second?.phase == "building the indexes of shards, 1 of 3 done")
    #expect(second?.share == (1 + 0.25) / 3)
    let last = shards.take([:])
    #expect(last?.share == 1)
  }

  @Test func aBatchIsRecordedWithBoundValuesOrAsTextAndOnlyForItsRun() throws {
    let entry = JournalEntry(
      batches: "b",
      loads: "l",
      key: "a'b\\",
      token: "t",
      batch: CommittedBatch(
        positions: 1..<8,
        place: SourcePlace(position: 8, offset: 2, line: 3),
        counts: LoadCounts(loaded: 4, skipped: 5, replaced: 6, unreadable: 7)
      )
    )
    let head =
      #"INSERT INTO "b" (load_key, first_position, end_offset, end_line, loaded, skipped, replaced, unreadable, "#
      + "end_position) VALUES "
    let bound = try entry.insertion.rendered()
    #expect(
      bound.text == head + "($1, $2, $3, $4, $5, $6, $7, $8, "
        + #"(SELECT $9::int8 FROM "l" WHERE load_key = $10 AND run_token = $11))"#
    )
    let key = SQLValue.text("a'b\\")
    #expect(bound.binds == [key] + (1...8).map { .int8($0) } + [key, .text("t")])
    #expect(
      try entry.insertion.renderedWithConstants().text == head + #"(E'a''b\\', 1, 2, 3, 4, 5, 6, 7, "#
        + #"(SELECT 8::int8 FROM "l" WHERE load_key = E'a''b\\' AND run_token = 't'))"#
    )
  }

  /// PostgreSQL's own answer to the expression in the documentation, for these paths.
  @Test func idsByPathAreWhatSQLMakesOfTheirMD5() {
    #expect(ImageIDs.id(ofPath: "cats/1.jpg") == 9_037_168_218_373_862_588)
    #expect(ImageIDs.id(ofPath: "Zürich/🐈.png") == 5_615_828_810_170_065_067)
    // md5('cats/1.jpg')::uuid, whose first half is the number above with its sign bit.
    let uuid = ImageIDs.uuid(ofPath: "cats/1.jpg".utf8).description
    #expect(uuid.split(separator: "-").map(\.count) == [8, 4, 4, 4, 12])
    let first = UInt64(uuid.filter { $0 != "-" }.prefix(16), radix: 16)
    #expect(first.map { Int64($0 & UInt64(Int64.max)) } == 9_037_168_218_373_862_588)
  }

  @Test func idsByPathStayWhenImagesComeAndGo() async throws {
    let ids = { (count: Int) async throws -> [ImageID] in
      let source = ImageBatchSource(Numbered(count: count, broken: []), .init(workers: 1, ids: .path)) {
        { _ in [1] }
      }
      return try await source.next(rows: 100, skipping: DoneRanges())?.rows.ids ?? []
    }
    let few = try await ids(3)
    #expect(few == (0..<3).map { ImageID(ImageIDs.id(ofPath: "p\($0)")) })
    #expect(try await ids(5).prefix(3) == few[...])
  }
}

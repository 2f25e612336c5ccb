import ImageCodecs
import ImageSources
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

  @Test func idsThatComeTwiceInABatchAreDecidedHere() {
    var rows = FeatureBatch()
    for (id, value) in [(1, 1), (2, 2), (1, 3)] {
      rows.append(id: Int64(id), label: nil, vector: [Float(value)])
    }
    let first = rows.distinct(keepingLast: false)
    #expect(first.ids == [1, 2] && first.values == [1, 2])
    let last = rows.distinct(keepingLast: true)
    #expect(last.ids == [2, 1] && last.values == [2, 3])
  }

  @Test func seenIDsKnowEveryID() {
    var seen = SeenIDs()
    let ids: [Int64] = [0, 1, 63, 64, 4095, 4096, -1, .min, .max]
    let first = ids.map { seen.insert($0) }
    let second = ids.map { seen.insert($0) }
    #expect(first.allSatisfy { $0 } && !second.contains(true))
  }

  @Test func recordsAreResumedOnlyWhereNothingChanged() throws {
    var record = LoadRecord(
      key: "k",
      tableOID: 1,
      fingerprint: "f",
      recipe: "r",
      deferredIndexes: [],
      isFinished: false,
      counts: LoadCounts(),
      done: DoneRanges([0..<5]),
      offset: 0,
      line: 1
    )
    let catalog = VectorTable(
      name: "t",
      oid: 1,
      kind: .table,
      columns: [],
      vectorIndexes: [],
      estimatedRows: 1,
      isOwned: true,
      hasParts: false,
      hasRowSecurity: false,
      mayHaveTriggers: false
    )
    let table = TargetTable(target: LoadTarget(table: "t"), catalog: catalog, blockSize: 8192, hasRows: true)
    let decide = { (wanted: LoadOptions.Continuation, fingerprint: String, recipe: String) in
      try record.continuation(
        wanted,
        table: table,
        fingerprint: fingerprint,
        recipe: recipe,
        source: "s",
        expected: 5
      )
    }
    #expect(try decide(.resume, "f", "r") == .resume)
    #expect(try decide(.restart, "x", "y") == .fresh)
    #expect(throws: LoadError.self) { try decide(.ask, "f", "r") }
    #expect(throws: LoadError.self) { try decide(.resume, "x", "r") }
    #expect(throws: LoadError.self) { try decide(.resume, "f", "x") }
    record.isFinished = true
    #expect(try decide(.ask, "f", "r") == .finished)
    record.done = DoneRanges([0..<4])
    #expect(try decide(.ask, "f", "r") == .resume, "--limit was 4 and is 5")
    record.done = DoneRanges([0..<5])
    record.tableOID = 2
    #expect(try decide(.ask, "f", "r") == .fresh, "the table was made anew")
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
    let source = ImageBatchSource(images, workers: 4) { { [Float($0.rgb[0]), 1] } }
    var ids: [Int64] = []
    var unreadable: [Int] = []
    while let batch = try await source.next(rows: 30, skipping: DoneRanges([10..<20, 50..<60])) {
      for row in 0..<batch.rows.count {
        #expect(batch.rows.withVector(row) { Int64($0[0]) } == batch.rows.ids[row])
        #expect(batch.rows.places[row] == .file("/p\(batch.rows.ids[row])"))
      }
      #expect(batch.positions.count == batch.rows.count + batch.unreadable.count)
      ids += batch.rows.ids
      unreadable += batch.unreadable.map(\.position)
    }
    let done = Set(10..<20).union(50..<60)
    #expect(ids.map(Int.init) == (0..<100).filter { !done.contains($0) && !images.broken.contains($0) })
    #expect(unreadable == [0, 41, 99])
  }

  @Test func aStrictLoadStopsAtAnUnreadableImage() async throws {
    let source = ImageBatchSource(Numbered(count: 9, broken: [5]), workers: 2, isStrict: true) {
      { _ in [1] }
    }
    let error = await #expect(throws: LoadError.self) {
      try await source.next(rows: 9, skipping: DoneRanges())
    }
    #expect(error?.description == "p5: cut short")
  }

  @Test func aFailingExtractorIsNoUnreadableImage() async throws {
    struct Broken: Error {}
    let source = ImageBatchSource(Numbered(count: 9, broken: []), workers: 2) { { _ in throw Broken() } }
    await #expect(throws: Broken.self) { try await source.next(rows: 9, skipping: DoneRanges()) }
  }

  /// pgvector 0.8 said that 64 MB held 13,438 rows of 1,000 numbers.
  @Test func anIndexGetsMemoryForItsGraph() {
    #expect(IndexBuild.memory(rows: 13_438, dimension: 1000) > 64 * 1024)
    #expect(IndexBuild.memory(rows: 60_000, dimension: 1000) == 332_203)
    #expect(IndexBuild.memory(rows: 100_000_000, dimension: 1000) == 2 * 1024 * 1024 - 1)
  }

  @Test func aRecordIsWrittenWithBoundValuesOrAsText() {
    let entry = LedgerEntry(table: "\"adbvec_load_batch\"", values: [.text("a'b\\"), .int8(7)])
    #expect(entry.statement.text == #"INSERT INTO "adbvec_load_batch" VALUES ($1, $2)"#)
    #expect(entry.script == #"INSERT INTO "adbvec_load_batch" VALUES (E'a''b\\', 7)"#)
  }

  /// PostgreSQL's own answer to the expression in the documentation, for these paths.
  @Test func idsByPathAreWhatSQLMakesOfTheirMD5() {
    #expect(ImageIDs.id(ofPath: "cats/1.jpg") == 9_037_168_218_373_862_588)
    #expect(ImageIDs.id(ofPath: "Zürich/🐈.png") == 5_615_828_810_170_065_067)
  }

  @Test func idsByPathStayWhenImagesComeAndGo() async throws {
    let ids = { (count: Int) async throws -> [Int64] in
      let source = ImageBatchSource(Numbered(count: count, broken: []), workers: 1, ids: .path) {
        { _ in [1] }
      }
      return try await source.next(rows: 100, skipping: DoneRanges())?.rows.ids ?? []
    }
    let few = try await ids(3)
    #expect(few == (0..<3).map { ImageIDs.id(ofPath: "p\($0)") })
    #expect(try await ids(5).prefix(3) == few[...])
  }
}

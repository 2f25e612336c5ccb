import Foundation
import ImageCodecs
import ImageSearch
import ImageSources
import Inference
import Ingestion
import PostgresClient
import Synchronization
import TestSupport
import Testing
import VectorSQL

/// Tables that follow their folders: whatever happens to the images, and whenever a run is stopped, the rows are those
/// of a fresh load of the folder as it is.
@Suite(.serialized)
struct SyncTests {
  @Test func aSecondRunDoesNothing() async throws {
    try await SyncedFolder.with { folder in
      for number in 0..<12 { try folder.write("c\(number % 3)/\(number).bmp", UInt8(number % 5)) }
      let first = try await folder.sync()
      #expect(first.changes?.added == 12 && first.changes?.embedded == 5 && first.changes?.duplicates == 7)
      let second = try await folder.sync()
      #expect(second.wasFinished && second.changes?.unchanged == 12 && second.changes?.embedded == 0)
      try await folder.expectFreshLoad()
    }
  }

  @Test func movedTouchedAndCopiedImagesAreNotEmbedded() async throws {
    try await SyncedFolder.with { folder in
      for number in 0..<4 { try folder.write("c/\(number).bmp", UInt8(number)) }
      try folder.age("c/1.bmp")
      _ = try await folder.sync()
      let before = try await folder.rows("id, image_vector", order: "id")
      try folder.move("c/0.bmp", "d/moved.bmp")
      try folder.touch("c/1.bmp")
      try folder.copy("c/2.bmp", "e/copy.bmp")
      let plan = try await folder.sync { $0.plansOnly = true }
      let report = try await folder.sync()
      #expect(plan.changes?.moved == 1 && plan.changes?.touched == 1 && plan.changes?.added == 1)
      #expect(report.changes?.embedded == 0 && report.changes?.moved == 1 && report.changes?.duplicates == 1)
      #expect(Array(try await folder.rows("id, image_vector", order: "id").prefix(4)) == before)
      try await folder.expectFreshLoad()
    }
  }

  @Test func aPlanWritesNothing() async throws {
    try await SyncedFolder.with { folder in
      try folder.write("a/1.bmp", 1)
      let changes = Mutex([FolderChange]())
      let report = try await folder.sync {
        $0.plansOnly = true
      } onEvent: { event in
        if case .planned(let change) = event { changes.withLock { $0.append(change) } }
      }
      #expect(report.isDryRun && changes.withLock { $0.map(\.path) } == ["a/1.bmp"])
      #expect(try await folder.rows("id", order: "id").isEmpty && folder.embedded == 0)
    }
  }

  @Test func deletedImagesAreKeptFlaggedOrDeletedAsAsked() async throws {
    try await SyncedFolder.with { folder in
      for number in 0..<30 { try folder.write("\(number).bmp", UInt8(number)) }
      _ = try await folder.sync()
      try folder.remove("0.bmp")
      #expect(try await folder.sync().changes?.missing == 1)
      #expect(try await folder.sync { $0.deleted = .flag }.changes?.flagged == 1)
      #expect(try await folder.sync { $0.deleted = .flag }.wasFinished)
      let flagged = "SELECT path FROM \(folder.schema).adbvec_load_image WHERE missing_since IS NOT NULL"
      #expect(try await folder.sql(flagged) == ["0.bmp"])
      try folder.write("0.bmp", 0)
      _ = try await folder.sync()
      #expect(try await folder.sql(flagged).isEmpty)
      try folder.remove("0.bmp")
      #expect(try await folder.sync { $0.deleted = .delete }.changes?.deleted == 1)
      try await folder.expectFreshLoad()
      for number in 1..<10 { try folder.remove("\(number).bmp") }
      let many = try await folder.sync { $0.deleted = .delete }
      #expect(many.changes?.deleted == 0 && many.changes?.heldBack == 9)
      for number in 10..<30 { try folder.remove("\(number).bmp") }
      let whole = try await folder.sync { $0.deleted = .delete }
      #expect(whole.changes?.heldBack == 29)
      let confirmed = try await folder.sync { ($0.deleted, $0.confirmsDeletions) = (.delete, true) }
      #expect(confirmed.changes?.deleted == 29)
      #expect(try await folder.rows("id", order: "id").isEmpty)
    }
  }

  @Test func severalFoldersShareATable() async throws {
    try await SyncedFolder.with { first in
      let second = first.another()
      try first.write("a.bmp", 1)
      try second.write("a.bmp", 1)
      try second.write("b.bmp", 2)
      _ = try await first.sync()
      _ = try await second.sync()
      try second.remove("b.bmp")
      try first.write("b.bmp", 3)
      _ = try await first.sync()
      _ = try await second.sync { ($0.deleted, $0.confirmsDeletions) = (.delete, true) }
      #expect(try await first.rows("image_vector[1]", order: "id") == ["1", "1", "3"])
    }
  }

  @Test func aChangeOfEqualSizeAndTimeIsFoundByContent() async throws {
    try await SyncedFolder.with { folder in
      try folder.write("a.bmp", 1)
      try folder.age("a.bmp")
      _ = try await folder.sync()
      try folder.write("a.bmp", 2)
      try folder.age("a.bmp")
      #expect(try await folder.sync().wasFinished)
      #expect(try await folder.sync { $0.hashesAll = true }.changes?.changed == 1)
      try await folder.expectFreshLoad()
      #expect(try await folder.sync { $0.hashesAll = true }.wasFinished)
    }
  }

  @Test func aJournalWithoutHashesIsUpgraded() async throws {
    try await SyncedFolder.with { folder in
      try folder.write("a.bmp", 1)
      try folder.age("a.bmp")
      _ = try await folder.sync()
      _ = try await folder.sql(
        "ALTER TABLE \(folder.schema).adbvec_load_image DROP COLUMN content_hash, DROP COLUMN missing_since"
      )
      #expect(try await folder.sync { $0.plansOnly = true }.changes?.unchanged == 1)
      try folder.write("b.bmp", 2)
      #expect(try await folder.sync().changes?.added == 1)
      #expect(try await folder.sync { $0.hashesAll = true }.wasFinished)
      try folder.move("a.bmp", "c.bmp")
      #expect(try await folder.sync().changes?.moved == 1, "the hash was recorded")
    }
  }

  /// Every shipped architecture with every feature, with and without a projection, as recipes of equal dimension.
  private static let recipes: [Recipe] = Architecture.all.flatMap { architecture in
    ["logits", "probabilities", "pooled", "gem:3", "rmac:3", "cls", "layer:features.1"].flatMap { feature in
      ["none", "1a2b3c"].map { projection in
        Recipe([
          .architecture: architecture.name, .weights: "w-\(architecture.name)", .feature: feature,
          .projection: projection, .normalise: "no", .mirror: "no", .scales: "1", .exif: "no",
        ])
      }
    }
  }

  @Test func imagesOfAnotherRecipeAreRefusedByLoadAndSyncAndNothingIsWritten() async throws {
    let recipes = Self.recipes
    for (first, recorded) in recipes.enumerated() {
      for (second, given) in recipes.enumerated() {
        // What search, serve, sql query and sync ask before they load a model.
        #expect(recorded.differences(from: given).isEmpty == (first == second))
      }
    }
    try await SyncedFolder.with { folder in
      try folder.write("a.bmp", 1)
      _ = try await folder.sync { $0.recipe = recipes[0] }
      try folder.write("b.bmp", 2)
      let others = recipes.dropFirst().enumerated().filter { $0.offset % 9 == 0 }.map(\.element)
      for other in others {
        await #expect(throws: RecipeMismatch.self) { try await folder.sync { $0.recipe = other } }
        await #expect(throws: RecipeMismatch.self) { try await folder.sync(recipe: other) }
      }
      #expect(try await folder.rows("id", order: "id") == ["0"])
      let mismatch = await #expect(throws: RecipeMismatch.self) { try await folder.sync(recipe: recipes[1]) }
      #expect(mismatch?.description.contains("projection") == true)
      #expect(try await folder.sync(recipe: recipes[0]).changes?.added == 1)
    }
  }

  /// `ADBVEC_SYNC_SCRIPTS` sets the number of scripts.
  @Test func randomEditsAndStopsEndAsAFreshLoad() async throws {
    let count = Environment.variables["ADBVEC_SYNC_SCRIPTS"].flatMap(Int.init) ?? 8
    for script in 0..<count {
      var edits = FolderEdits(seed: UInt64(script))
      try await SyncedFolder.with { folder in
        for _ in 0..<Int.random(in: 2...5, using: &edits.generator) {
          for _ in 0..<Int.random(in: 1...14, using: &edits.generator) { try edits.apply(to: folder) }
          for _ in 0..<Int.random(in: 0...2, using: &edits.generator) {
            await folder.syncAndStop(
              after: Int.random(in: 0...60, using: &edits.generator),
              edits.generator.next()
            )
            if Bool.random(using: &edits.generator) { try edits.apply(to: folder) }
          }
        }
        let report = try await folder.sync { ($0.deleted, $0.confirmsDeletions) = (.delete, true) }
        #expect(report.changes?.heldBack == 0)
        try await folder.expectFreshLoad("script \(script)")
        let again = try await folder.sync { ($0.deleted, $0.confirmsDeletions) = (.delete, true) }
        #expect(again.wasFinished && again.changes?.embedded == 0, "script \(script)")
      }
    }
  }
}

/// Random edits of a folder: add, edit, move, delete, duplicate, touch, exchange.
private struct FolderEdits {
  var generator: SplitMix64

  init(seed: UInt64) {
    generator = SplitMix64(state: seed)
  }

  mutating func apply(to folder: SyncedFolder) throws {
    let paths = try folder.paths()
    let new = "c\(Int.random(in: 0...2, using: &generator))/\(Int.random(in: 0...15, using: &generator)).bmp"
    let red = UInt8.random(in: 0...40, using: &generator)
    guard let path = paths.randomElement(using: &generator),
      let other = paths.randomElement(using: &generator)
    else { return try folder.write(new, red) }
    switch Int.random(in: 0..<9, using: &generator) {
    case 0, 1, 2: try folder.write(new, red)
    case 3: try folder.write(path, red, extraBytes: Int.random(in: 0...2, using: &generator))
    case 4: try folder.move(path, new)
    case 5: try folder.remove(path)
    case 6: try folder.copy(path, new)
    case 7: try folder.touch(path)
    default: try folder.exchange(path, other)
    }
  }
}

/// Numbers that are the same for a seed (Steele, Lea and Flood's SplitMix64).
private struct SplitMix64: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}

/// A folder of images of one pixel, whose colour is the vector, and a table that follows it.
private final class SyncedFolder: Sendable {
  let schema: String
  private let root = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString).path
  private let settings: ConnectionSettings
  private let target: LoadTarget
  private let embeddings = Mutex(0)

  private init(schema: String, target: LoadTarget, settings: ConnectionSettings) {
    (self.schema, self.target, self.settings) = (schema, target, settings)
    try? FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: root) }

  static func with(_ body: (SyncedFolder) async throws -> Void) async throws {
    let settings = try await ScratchSchema.settings()
    try await ScratchSchema.with { connection, schema in
      let table = QualifiedName(schema: try Identifier(validating: schema), name: "image_search")
      for name in [table.quoted, "\(schema).fresh"] {
        try await connection.run(
          trusted: """
            CREATE TABLE \(name) (id bigint PRIMARY KEY, class text, source text UNIQUE, image_vector real[])
            """
        )
      }
      var named = settings
      named.overrides = ["application_name": schema]
      try await body(SyncedFolder(schema: schema, target: LoadTarget(table: table), settings: named))
    }
  }

  /// Another folder that goes to the same table.
  func another() -> SyncedFolder { SyncedFolder(schema: schema, target: target, settings: settings) }

  /// How many images were embedded.
  var embedded: Int { embeddings.withLock { $0 } }

  /// - Parameter recipe: what the source says when it is asked.
  func sync(
    recipe: Recipe? = nil,
    _ change: (inout LoadOptions) -> Void = { _ in },
    onEvent: @escaping @Sendable (LoadEvent) -> Void = { _ in }
  ) async throws -> LoadReport {
    var options = LoadOptions()
    (options.continuation, options.onConflict, options.batchRows) = (.resume, .skip, 3)
    (options.retries, options.analyzes) = (0, false)
    change(&options)
    if options.plansOnly { options.isDryRun = true }
    return try await Loader(settings: settings, target: target, options: options).run(
      source(recipe),
      onEvent: onEvent
    )
  }

  private func source(_ recipe: Recipe? = nil) throws -> ImageBatchSource {
    let images = try FolderCollection(path: root, allowsNone: true)
    var makeRecipe: (@Sendable () throws -> Recipe)?
    if let recipe { makeRecipe = { recipe } }
    return ImageBatchSource(images, workers: 2, recipe: makeRecipe) {
      { image in
        self.embeddings.withLock { $0 += 1 }
        return image.rgb.map { Float($0) }
      }
    }
  }

  /// Begins a run, and ends it, or its connections, after some milliseconds.
  func syncAndStop(after milliseconds: Int, _ number: UInt64) async {
    let run = Task {
      try await sync { ($0.deleted, $0.confirmsDeletions) = (number % 3 == 0 ? .keep : .delete, true) }
    }
    try? await Task.sleep(for: .milliseconds(milliseconds))
    if number % 2 == 0 {
      run.cancel()
    } else {
      _ = try? await sql(
        "SELECT pg_terminate_backend(pid)::text FROM pg_stat_activity WHERE application_name = '\(schema)'"
      )
    }
    _ = try? await run.value
  }

  /// Compares the rows with those that a load of the folder into an empty table makes.
  func expectFreshLoad(_ comment: Comment? = nil) async throws {
    let table = QualifiedName(schema: try Identifier(validating: schema), name: "fresh")
    _ = try await sql("TRUNCATE \(schema).fresh")
    var options = LoadOptions()
    (options.continuation, options.analyzes) = (.untracked, false)
    if try !paths().isEmpty {
      _ = try await Loader(settings: settings, target: LoadTarget(table: table), options: options).run(
        source()
      )
    }
    let columns = "source || coalesce(class, '') || image_vector::text"
    let rows = try await rows(columns, order: "1")
    let fresh = try await sql("SELECT \(columns) FROM \(schema).fresh ORDER BY 1")
    #expect(rows == fresh, comment)
  }

  func rows(_ columns: String, order: String) async throws -> [String?] {
    try await sql("SELECT concat_ws(':', \(columns)) FROM \(target.table.quoted) ORDER BY \(order)")
  }

  /// The first column of an answer.
  @discardableResult
  func sql(_ text: String) async throws -> [String?] {
    let connection = try await ScratchSchema.connect()
    let rows = try await connection.run(trusted: text).last?.rows.map { $0[0] }
    await connection.close()
    return rows ?? []
  }

  /// The images' paths in the folder.
  func paths() throws -> [String] {
    try FolderCollection(path: root, allowsNone: true).files()?.map(\.path) ?? []
  }

  /// Writes a bitmap of 24 bits per pixel.
  func write(_ name: String, _ red: UInt8, extraBytes: Int = 0) throws {
    var bytes: [UInt8] = Array("BM".utf8)
    for word: UInt32 in [58, 0, 54, 40, 1, 1, 1 | 24 << 16, 0, 4, 0, 0, 0, 0] {
      withUnsafeBytes(of: word.littleEndian) { bytes.append(contentsOf: $0) }
    }
    bytes += [0, 0, red, 0] + [UInt8](repeating: 0, count: extraBytes)
    try makeFolder(name)
    try Data(bytes).write(to: URL(fileURLWithPath: path(name)))
  }

  func move(_ from: String, _ to: String) throws {
    try makeFolder(to)
    _ = rename(path(from), path(to))
  }

  func copy(_ from: String, _ to: String) throws {
    guard from != to else { return }
    let data = try Data(contentsOf: URL(fileURLWithPath: path(from)))
    try makeFolder(to)
    try data.write(to: URL(fileURLWithPath: path(to)))
  }

  func exchange(_ first: String, _ second: String) throws {
    guard first != second else { return }
    try move(first, "exchanged")
    try move(second, first)
    try move("exchanged", second)
  }

  func remove(_ name: String) throws { try FileManager.default.removeItem(atPath: path(name)) }

  func touch(_ name: String) throws {
    try FileManager.default.setAttributes([.modificationDate: Date()], ofItemAtPath: path(name))
  }

  /// Sets the time of modification an hour back, always to the same second.
  func age(_ name: String) throws {
    try FileManager.default.setAttributes(
      [.modificationDate: Date(timeIntervalSince1970: 1_700_000_000)],
      ofItemAtPath: path(name)
    )
  }

  private func path(_ name: String) -> String { root + "/" + name }

  private func makeFolder(_ name: String) throws {
    guard let slash = path(name).lastIndex(of: "/") else { return }
    try FileManager.default.createDirectory(
      atPath: String(path(name)[..<slash]),
      withIntermediateDirectories: true
    )
  }
}

import Basics
import ImageSources
import Testing

@testable import Ingestion

/// Thousands of random histories of a folder, in memory: for every edit, and wherever a run stops, the rows end as
/// those of a fresh load.
struct FolderPlanPropertyTests {
  @Test(arguments: 0..<8)
  func randomEditsAndStopsEndAsAFreshLoad(block: Int) throws {
    for script in 0..<300 {
      var random = SeededGenerator(seed: UInt64(block * 300 + script))
      var world = FollowedFolder()
      for _ in 0..<Int.random(in: 1...5, using: &random) {
        for _ in 0..<Int.random(in: 0...8, using: &random) { world.edit(&random) }
        let stop = Bool.random(using: &random) ? Int.random(in: 0...12, using: &random) : nil
        let deletes = Bool.random(using: &random)
        try world.run(
          ids: random.next() % 3 == 0 ? .path : .position,
          deletes: deletes,
          stoppingAfter: stop,
          &random
        )
      }
      try world.run(ids: .position, deletes: true, stoppingAfter: nil, &random)
      let rows = Dictionary(uniqueKeysWithValues: world.rows.values.map { ($0.path, $0.content) })
      #expect(rows == world.files.mapValues(\.content), "script \(block * 300 + script)")
      #expect(world.rows.count == world.files.count)
      #expect(Set(world.journal.keys) == Set(world.files.keys))
      let again = try world.plan(&random)
      #expect(again.isEmpty && again.deleted.isEmpty && again.unchanged == world.files.count)
    }
  }

  /// A list that is in a file and one in memory, contents and numbers that are many and that are few, a journal in the order of its
  /// paths and one in any: the plans are the same.
  @Test(arguments: 0..<16)
  func plansDoNotDependOnWhereTheListIsAndHowTheJournalComes(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    let state = RecordedState(&random)
    let plain = try state.plan(
      blocksInMemory: 1000,
      keepsIDs: true,
      inOrder: false,
      inMemory: 1 << 16,
      &random
    )
    for (blocks, keepsIDs, inOrder, room) in [
      (1000, false, true, 1 << 16), (1, false, true, 1 << 16), (1, false, false, 1), (2, true, true, 5),
      (1000, true, false, 20),
    ] {
      let other = try state.plan(
        blocksInMemory: blocks,
        keepsIDs: keepsIDs,
        inOrder: inOrder,
        inMemory: room,
        &random
      )
      #expect(
        other == plain,
        "\(blocks) blocks, keeps ids \(keepsIDs), in order \(inOrder), \(room) in memory"
      )
    }
    #expect(plain.changes.count + plain.read.count > 0 || state.files.count < 20)
  }
}

/// A random folder of some blocks, and a random journal of it and of images that are not there.
private struct RecordedState {
  /// What is decided.
  struct Outcome: Equatable {
    var read: [Int]
    var changes: [FolderChange]
    var sets: [[Int]]
    var counts: [Int]
    var ids: [ImageID?]
  }

  let files: [ImageFile]
  private let recorded: [(image: RecordedImage, content: Int)]
  private let contents: [Int]
  private let isComplete: Bool

  init(_ random: inout SeededGenerator) {
    func number(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &random) }
    let folders = (0..<number(1...6)).map { "d\($0 * 7)/" } + [""]
    var paths: Set<String> = []
    for _ in 0..<number(0...600) {
      paths.insert(folders[number(0...(folders.count - 1))] + "\(number(0...999))")
    }
    let sizes = number(1...60)
    var (files, contents, recorded) = ([ImageFile](), [Int](), [(RecordedImage, Int)]())
    for path in paths.sorted(by: { $0.utf8.lexicographicallyPrecedes($1.utf8) }) {
      let content = number(0...200)
      let file = ImageFile(
        folder: "/f",
        path: path,
        FileState(
          byteCount: content % sizes,
          modificationTime: 1 + number(0...90),
          statusChangeTime: number(0...9),
          isRecent: number(0...9) == 0
        )
      )
      let kind = number(0...9)
      if kind < 8 {
        var image = RecordedImage(
          path: kind == 0 ? "gone/" + path : path,
          id: number(0...20) == 0
            ? nil : number(0...9) == 0 ? ImageID("t" + path) : ImageID(Int64(files.count)),
          byteCount: file.byteCount,
          modificationTime: kind == 1 ? number(0...90) : file.modificationTime,
          statusChangeTime: kind == 2 ? number(0...9) : file.statusChangeTime,
          isPresent: number(0...20) > 0,
          hasHash: number(0...20) > 0
        )
        (image.isMissing, image.lacksIdentity) = (number(0...30) == 0, number(0...30) == 0)
        if image.id == nil, number(0...1) == 0 { image.duplicateOf = paths.min() }
        recorded.append((image, kind == 3 ? number(0...200) : content))
      }
      if number(0...9) > 0 || kind == 9 {
        files.append(file)
        contents.append(content)
      }
    }
    (self.files, self.contents, self.recorded) = (files, contents, recorded)
    isComplete = number(0...9) > 0
  }

  func plan(
    blocksInMemory: Int,
    keepsIDs: Bool,
    inOrder: Bool,
    inMemory room: Int,
    _ random: inout SeededGenerator
  ) throws -> Outcome {
    let ordered = recorded.sorted { $0.image.path.utf8.lexicographicallyPrecedes($1.image.path.utf8) }
    let journal = inOrder ? ordered : ordered.shuffled(using: &random)
    var folder = FolderComparison(
      files: ImageFiles(files, blocksInMemory: blocksInMemory),
      unseen: [Array("gone/d7".utf8)],
      keepsIDs: keepsIDs,
      inMemory: room
    )
    for (image, _) in journal { folder.add(image) }
    folder.settle(isComplete: isComplete)
    let read = Array(folder.positionsToHash(all: false))
    var found = ImageContents(inMemory: room)
    for position in read { found.insert(SHA256.hexadecimal(of: "\(contents[position])"), at: position) }
    for (image, content) in journal where image.hasHash {
      found.add(.init(hash: SHA256.hexadecimal(of: "\(content)"), path: image.path), folder)
    }
    var plan = try LoadPlan(folder, contents: found, treatment: .follow, source: "/f")
    try plan.assignIDs(.position, taken: .init(includesPositions: true, largest: 5000))
    var options = LoadOptions()
    (options.deleted, options.confirmsDeletions) = (.delete, true)
    var changes: [FolderChange] = []
    plan.forEachChange(options) { changes.append($0) }
    let sets = [
      plan.new, plan.changed, plan.refreshed, plan.unidentified, plan.recorded, plan.positionsWithoutID,
    ]
    let written = plan.new.union(plan.changed).union(plan.unidentified).union(plan.positionsWithoutID)
    return Outcome(
      read: read,
      changes: changes,
      sets: sets.map { Array($0) } + [plan.moved.map(\.position), plan.duplicates.map(\.position)],
      counts: [
        plan.unchanged, plan.touched, plan.unreadable, plan.leftOut, plan.rowsBefore, plan.done.count,
      ],
      ids: written.map { plan.ids[$0] }
    )
  }
}

/// A folder, a table and a journal in memory, with the transactions of `FolderUpdate` and the load.
private struct FollowedFolder {
  struct File {
    var content: Int
    var modified: Int
    /// When the file last got its name; 0 where the listing says nothing of it.
    var status: Int
    var isRecent: Bool
    /// Contents share sizes, so that the content is what tells them apart.
    var byteCount: Int { 1 + content % 3 }
  }

  struct Row {
    var path: String
    var content: Int
  }

  struct Record {
    var id: ImageID
    var byteCount: Int
    var modified: Int
    var status: Int
    var hash: String
  }

  var files: [String: File] = [:]
  var rows: [ImageID: Row] = [:]
  var journal: [String: Record] = [:]
  private var clock = 1
  private var isComplete = true

  /// Files that are written between two runs have few times of modification, so that those of equal size look alike when they are
  /// moved.
  mutating func edit(_ random: inout SeededGenerator) {
    let path = "p\(Int.random(in: 0...11, using: &random))"
    let known = files.keys.sorted().randomElement(using: &random) ?? path
    clock += 1
    let status = Int.random(in: 0...3, using: &random) == 0 ? 0 : clock
    let written = File(
      content: Int.random(in: 0...9, using: &random),
      modified: clock - clock % Self.ticks,
      status: status,
      isRecent: Int.random(in: 0...3, using: &random) == 0
    )
    switch Int.random(in: 0...7, using: &random) {
    case 0, 1, 2: files[path] = written
    case 3: files[known] = nil
    case 4, 5: if let file = files.removeValue(forKey: known) { files[path] = file }
    case 6: if let file = files[known] { files[path] = file }
    default: (files[known], files[path]) = (files[path], files[known])
    }
    if path != known { for moved in [path, known] { files[moved]?.status = status } }
  }

  private static let ticks = 16

  func plan(_ random: inout SeededGenerator) throws -> LoadPlan {
    let listed = files.sorted { $0.key < $1.key }.map { path, file in
      ImageFile(
        folder: "/f",
        path: path,
        FileState(
          byteCount: file.byteCount,
          modificationTime: file.modified,
          statusChangeTime: file.status,
          isRecent: file.isRecent
        )
      )
    }
    var folder = FolderComparison(files: ImageFiles(listed))
    for (path, record) in journal.shuffled(using: &random) {
      folder.add(
        RecordedImage(
          path: path,
          id: record.id,
          byteCount: record.byteCount,
          modificationTime: record.modified,
          statusChangeTime: record.status,
          isPresent: rows[record.id]?.path == path,
          hasHash: true
        )
      )
    }
    folder.settle(isComplete: isComplete)
    var contents = ImageContents()
    for position in folder.positionsToHash(all: false) {
      if let file = files[listed[position].path] { contents.insert(Self.hash(file.content), at: position) }
    }
    for (path, record) in journal.shuffled(using: &random) {
      contents.add(FolderComparison.Match(hash: record.hash, path: path), folder)
    }
    let plan = try LoadPlan(folder, contents: contents, treatment: .follow, source: "/f")
    expectDifferences(plan)
    return plan
  }

  private static func hash(_ content: Int) -> String { SHA256.hexadecimal(of: "\(content)") }

  /// The packed plan has the paths that sets of them have: those whose row and record are not of the file that is there, and those
  /// that are not there any more.
  private func expectDifferences(_ plan: LoadPlan) {
    func isUpToDate(_ path: String, _ file: File) -> Bool {
      guard let record = journal[path], let row = rows[record.id] else { return false }
      return row.path == path && record.hash == Self.hash(file.content)
        && record.byteCount == file.byteCount && row.content == file.content
    }
    var changes: [FolderChange] = []
    var options = LoadOptions()
    (options.deleted, options.confirmsDeletions) = (.delete, true)
    plan.forEachChange(options) { changes.append($0) }
    #expect(changes.map(\.path) == changes.map(\.path).sorted())
    let (gone, there) = (changes.filter { $0.action == .delete }, changes.filter { $0.action != .delete })
    #expect(Set(there.map(\.path)) == Set(files.filter { !isUpToDate($0.key, $0.value) }.keys))
    let without = rows.values.map(\.path).filter { files[$0] == nil && journal[$0] != nil }
    #expect(Set(gone.map(\.path)) == Set(without).subtracting(plan.moved.map(\.path)))
    let paths = { (positions: PositionSet) in Set(positions.map { plan.files[$0].path }) }
    let duplicates = Set(plan.duplicates.map { plan.files[$0.position].path })
    #expect(paths(plan.new).union(paths(plan.changed)).isDisjoint(with: duplicates))
    #expect(paths(plan.positionsWithoutID).isDisjoint(with: plan.moved.map { plan.files[$0.position].path }))
  }

  /// Plans and does what was planned, up to a number of transactions.
  mutating func run(
    ids: ImageIDs,
    deletes: Bool,
    stoppingAfter limit: Int?,
    _ random: inout SeededGenerator
  ) throws {
    var plan = try plan(&random)
    try plan.assignIDs(ids, taken: taken(plan))
    isComplete = false
    // All that is written from now on has another time.
    clock += Self.ticks
    var left = limit ?? .max
    func goesOn() -> Bool {
      left -= 1
      return left >= 0
    }
    for move in plan.moved {
      guard goesOn() else { return }
      let path = plan.files[move.position].path
      #expect(!rows.values.contains { $0.path == path }, "two rows of one source")
      journal[path] = nil
      var record = try #require(journal[move.path])
      journal[move.path] = nil
      record.modified = Int(plan.image(at: move.position).recordedTime)
      record.status = plan.files[move.position].statusChangeTime
      journal[path] = record
      rows[move.id]?.path = path
    }
    for position in plan.refreshed {
      guard goesOn() else { return }
      journal[plan.files[position].path]?.modified = Int(plan.image(at: position).recordedTime)
      journal[plan.files[position].path]?.status = plan.files[position].statusChangeTime
    }
    for position in plan.new.union(plan.changed) {
      guard goesOn() else { return }
      let id = try #require(plan.ids[position])
      #expect(plan.changed.contains(position) == (rows[id] != nil), "a new row's id is free")
      write(plan, position, id, content: try #require(files[plan.files[position].path]).content)
    }
    for duplicate in plan.duplicates {
      guard goesOn() else { return }
      let id = try #require(plan.ids[duplicate.position])
      let hash = plan.contents.hash(at: duplicate.position)
      let original = try #require(journal[duplicate.original])
      #expect(original.hash == hash, "the original has the content")
      write(plan, duplicate.position, id, content: try #require(rows[original.id]).content)
    }
    for image in plan.retired(deletes ? .delete : .keep, isConfirmed: true) {
      guard goesOn() else { return }
      if let id = image.id { rows[id] = nil }
      journal[image.path] = nil
    }
    isComplete = true
  }

  private mutating func write(_ plan: LoadPlan, _ position: Int, _ id: ImageID, content: Int) {
    let image = plan.image(at: position)
    rows[id] = Row(path: image.file.path, content: content)
    journal[image.file.path] = Record(
      id: id,
      byteCount: image.file.byteCount,
      modified: Int(image.recordedTime),
      status: image.file.statusChangeTime,
      hash: Self.hash(content)
    )
  }

  private func taken(_ plan: LoadPlan) -> LoadPlan.TakenIDs {
    let numbers = rows.keys.compactMap(\.number)
    return LoadPlan.TakenIDs(
      includesPositions: numbers.contains { $0 >= 0 && $0 < Int64(max(plan.files.count, 1)) },
      largest: numbers.max(),
      ids: Set(rows.keys)
    )
  }
}

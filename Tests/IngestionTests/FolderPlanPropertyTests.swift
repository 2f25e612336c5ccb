import Basics
import ImageSources
import Testing

@testable import Ingestion

/// Thousands of random histories of a folder, in memory: whatever is edited, and wherever a run stops, the rows end as
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
        byteCount: file.byteCount,
        modificationTime: file.modified,
        statusChangeTime: file.status,
        isRecent: file.isRecent
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
    // Whatever is written from now on has another time.
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

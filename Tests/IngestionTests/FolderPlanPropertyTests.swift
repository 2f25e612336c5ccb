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
    var hash: String
  }

  var files: [String: File] = [:]
  var rows: [ImageID: Row] = [:]
  var journal: [String: Record] = [:]
  private var clock = 1

  mutating func edit(_ random: inout SeededGenerator) {
    let path = "p\(Int.random(in: 0...11, using: &random))"
    let known = files.keys.sorted().randomElement(using: &random) ?? path
    clock += 1
    let written = File(
      content: Int.random(in: 0...9, using: &random),
      modified: clock,
      isRecent: Int.random(in: 0...3, using: &random) == 0
    )
    switch Int.random(in: 0...7, using: &random) {
    case 0, 1, 2: files[path] = written
    case 3: files[known] = nil
    case 4, 5: if let file = files.removeValue(forKey: known) { files[path] = file }
    case 6: if let file = files[known] { files[path] = file }
    default: (files[known], files[path]) = (files[path], files[known])
    }
    // What is copied or moved onto another file of its size and time is found by --full-hash only.
    if let file = files[path], let record = journal[path], record.hash != "\(file.content)",
      record.byteCount == file.byteCount, record.modified == file.modified
    {
      files[path]?.modified = clock
    }
  }

  func plan(_ random: inout SeededGenerator) throws -> LoadPlan {
    let listed = files.sorted { $0.key < $1.key }.map { path, file in
      ImageFile(
        folder: "/f",
        path: path,
        byteCount: file.byteCount,
        modificationTime: file.modified,
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
          isPresent: rows[record.id]?.path == path,
          hasHash: true
        )
      )
    }
    var hashes: [Int: String] = [:]
    for position in folder.positionsToHash(all: false) {
      hashes[position] = files[listed[position].path].map { "\($0.content)" }
    }
    let wanted = Set(hashes.values)
    let matches = journal.filter { wanted.contains($0.value.hash) }.map {
      FolderComparison.Match(hash: $0.value.hash, path: $0.key)
    }
    return try LoadPlan(folder, hashes: hashes, matches: matches, treatment: .follow, source: "/f")
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
      journal[path] = record
      rows[move.id]?.path = path
    }
    for position in plan.refreshed {
      guard goesOn() else { return }
      journal[plan.files[position].path]?.modified = Int(plan.image(at: position).recordedTime)
    }
    for position in (plan.new + plan.changed).sorted() {
      guard goesOn() else { return }
      let id = try #require(plan.ids[position])
      #expect(plan.changed.contains(position) == (rows[id] != nil), "a new row's id is free")
      write(plan, position, id, content: try #require(files[plan.files[position].path]).content)
    }
    for duplicate in plan.duplicates {
      guard goesOn() else { return }
      let (id, hash) = (try #require(plan.ids[duplicate.position]), plan.hashes[duplicate.position])
      let original = try #require(journal[duplicate.original])
      #expect(original.hash == hash, "the original has the content")
      write(plan, duplicate.position, id, content: try #require(rows[original.id]).content)
    }
    for image in plan.retired(deletes ? .delete : .keep, isConfirmed: true) {
      guard goesOn() else { return }
      if let id = image.id { rows[id] = nil }
      journal[image.path] = nil
    }
  }

  private mutating func write(_ plan: LoadPlan, _ position: Int, _ id: ImageID, content: Int) {
    let image = plan.image(at: position)
    rows[id] = Row(path: image.file.path, content: content)
    journal[image.file.path] = Record(
      id: id,
      byteCount: image.file.byteCount,
      modified: Int(image.recordedTime),
      hash: "\(content)"
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

import Basics
import ImageCodecs
import ImageSources
import Testing

@testable import Ingestion

/// What a load of a folder does with images that are new, changed, unreadable, gone, or another folder's.
struct LoadPlanTests: PlansFolders {
  @Test func aGrownFolderKeepsItsIDsAndNewImagesGetFreeOnes() throws {
    var plan = try plan([file("a"), file("b"), file("c")], known: [known("b", 0), known("c", 1)])
    #expect(plan.new == [0] && plan.done == DoneRanges([1..<3]) && plan.changed.isEmpty)
    try plan.assignIDs(.position, taken: .init(includesPositions: true, largest: 1))
    #expect(ids(plan) == [2, 0, 1])
  }

  @Test func aSecondFolderGetsIDsAboveTheFirst() throws {
    var second = try plan([file("a"), file("b")])
    try second.assignIDs(.position, taken: .init(includesPositions: true, largest: 9))
    #expect(ids(second) == [10, 11])
    var free = try plan([file("a"), file("b")])
    try free.assignIDs(.position, taken: .init(includesPositions: false, largest: 9))
    #expect(ids(free) == [0, 1], "positions that are free are the ids")
  }

  @Test func equalRelativeNamesOfTwoFoldersGetDifferentIDs() throws {
    var plan = try plan([file("IMG_1.jpg"), file("IMG_2.jpg")])
    let taken = ImageID(ImageIDs.id(ofPath: "IMG_1.jpg"))
    try plan.assignIDs(.path, taken: .init(ids: [taken]))
    let expected = ["/p/IMG_1.jpg", "IMG_2.jpg"].map { ImageID(ImageIDs.id(ofPath: $0)) }
    #expect(ids(plan) == expected)
  }

  @Test func anEditedImageIsEmbeddedAgainUnderItsID() throws {
    let plan = try plan([file("a", bytes: 2), file("b")], known: [known("a", 7), known("b", 8)])
    #expect(plan.changed == [0] && ids(plan) == [7, 8] && plan.done == DoneRanges([1..<2]))
  }

  @Test func namesThatDifferInCompositionAreTwoFiles() throws {
    let (composed, decomposed) = ("caf\u{E9}", "cafe\u{301}")
    let plan = try plan(
      [file(decomposed), file(composed, bytes: 2)],
      known: [known(decomposed, 7), known(composed, 8, bytes: 2)]
    )
    #expect(plan.isEmpty && ids(plan) == [7, 8])
  }

  @Test func aDeletedRowIsLoadedAgain() throws {
    let plan = try plan([file("a"), file("b")], known: [known("a", 7, isPresent: false), known("b", 8)])
    #expect(plan.new == [0] && plan.recorded == [0, 1] && !plan.isEmpty)
  }

  @Test func unreadableImagesAreTriedAgainOnlyWhenTheyChange() throws {
    let same = try plan([file("a")], known: [known("a", nil)])
    #expect(same.isEmpty && same.unreadable == 1)
    let changed = try plan([file("a", bytes: 2)], known: [known("a", nil)])
    #expect(changed.new == [0])
    // Modified just before it was read: its content says whether it is still the same.
    let recent = known("a", nil, modified: 0)
    let unchanged = try plan([file("a")], known: [recent], hashes: [0: "x"], recorded: [("x", "a")])
    #expect(unchanged.isEmpty && unchanged.unreadable == 1 && unchanged.refreshed == [0])
    #expect(try plan([file("a")], known: [recent], hashes: [0: "y"]).new == [0])
  }

  @Test func rowsOfTheSameSourceAreTreatedAsAsked() throws {
    let files = [file("a"), file("b")]
    #expect(throws: LoadError.self) { try plan(files, present: [0: 5], .refuse) }
    let skipped = try plan(files, present: [0: 5], .follow)
    #expect(skipped.adopted == [0] && skipped.new == [1])
    let replaced = try plan(files, present: [0: 5], .embedAgain)
    #expect(replaced.changed == [0] && replaced.ids[0] == 5)
  }

  @Test func noIDAboveTheLargestIsAnErrorAndNotATrap() throws {
    var plan = try plan([file("a")], known: [known("z", 1)])
    #expect(throws: LoadError.self) {
      try plan.assignIDs(.position, taken: .init(includesPositions: true, largest: .max))
    }
  }

  @Test func aTouchedImageIsNotEmbeddedAgain() throws {
    let plan = try plan(
      [file("a", modified: 2)],
      known: [known("a", 1)],
      hashes: [0: "x"],
      recorded: [("x", "a")]
    )
    #expect(plan.isEmpty && plan.refreshed == [0] && plan.touched == 1)
    let edited = try self.plan([file("a", modified: 2)], known: [known("a", 1)], hashes: [0: "y"])
    #expect(edited.changed == [0])
    let unhashed = try self.plan([file("a", modified: 2)], known: [known("a", 1, hasHash: false)])
    #expect(unhashed.changed == [0])
  }

  @Test func anImageModifiedJustBeforeItsLoadIsComparedByContentOnce() throws {
    let plan = try plan(
      [file("a")],
      known: [known("a", 1, modified: 0)],
      hashes: [0: "x"],
      recorded: [("x", "a")]
    )
    #expect(plan.isEmpty && plan.refreshed == [0] && plan.touched == 0 && plan.unchanged == 1)
  }

  @Test func comparingEveryContentFindsChangesOfEqualSizeAndTime() throws {
    let plan = try plan(
      [file("a"), file("b")],
      known: [known("a", 1), known("b", 2)],
      hashes: [0: "x", 1: "z"],
      recorded: [("x", "a")]
    )
    #expect(plan.changed == [1] && plan.unchanged == 1)
  }

  @Test func imagesThatAreGoneAreKeptFlaggedOrDeletedAsAsked() throws {
    let kept = (0..<20).map { file("k\($0)") }
    let all =
      kept.enumerated().map { known($1.path, ImageID(Int64($0))) } + [
        known("a", 100), known("b", 101, isMissing: true), known("c", nil),
      ]
    let plan = try plan(kept, known: all)
    #expect(plan.deleted.map(\.path) == ["a", "b"] && !plan.deletesMany)
    #expect(plan.retired(.keep, isConfirmed: true).isEmpty)
    #expect(plan.retired(.flag, isConfirmed: false).map(\.path) == ["a"])
    #expect(plan.retired(.delete, isConfirmed: false).map(\.path) == ["a", "b"])
  }

  @Test func manyDeletionsNeedAConfirmation() throws {
    let recorded = (0..<10).map { known("k\($0)", ImageID(Int64($0))) }
    let tenth = try plan((0..<9).map { file("k\($0)") }, known: recorded)
    #expect(tenth.retired(.delete, isConfirmed: false).count == 1)
    let more = try plan((0..<8).map { file("k\($0)") }, known: recorded)
    #expect(more.retired(.delete, isConfirmed: false).isEmpty)
    #expect(more.retired(.delete, isConfirmed: true).count == 2)
    let vanished = try plan([], known: recorded)
    #expect(vanished.deletesMany && vanished.retired(.delete, isConfirmed: false).isEmpty)
  }

  @Test func whatCannotBeSeenIsNotDeletedAndNotMoved() throws {
    let plan = try plan(
      [file("copy")],
      known: [known("locked/a", 1), known("link.jpg", 2), known("lockedx", 3)],
      hashes: [0: "x"],
      recorded: [("x", "locked/a")],
      unseen: ["locked", "link.jpg"]
    )
    #expect(plan.deleted.map(\.path) == ["lockedx"] && plan.moved.isEmpty)
    #expect(plan.duplicates.map(\.original) == ["locked/a"])
    let limited = try self.plan([file("a")], known: [known("a", 1), known("b", 2)], isLimited: true)
    #expect(limited.deleted.isEmpty)
  }

  @Test func anIDThatAManifestGivesIsTheRows() throws {
    var plan = try plan([file("a", id: 70), file("b", id: ImageID("x")), file("c")])
    #expect(plan.candidateIDs(0..<3, .position, areUUIDs: false) == [70, ImageID("x")])
    try plan.assignIDs(.position, taken: .init(largest: 5))
    #expect(ids(plan) == [70, ImageID("x"), 71])
    #expect(throws: LoadError.self) { try plan.assignIDs(.position, taken: .init(largest: 70, ids: [70])) }
    #expect(throws: LoadError.self) { try self.plan([file("a", id: 8)], known: [known("a", 7)]) }
    #expect(try self.plan([file("a", id: 7)], known: [known("a", 7)]).isEmpty)
  }

  @Test func pathsAreFoundByTheirBytesInAnyOrder() {
    let files =
      (0..<500).map { file("p\($0 * 7 % 500)") } + [file("caf\u{E9}"), file("cafe\u{301}"), file("")]
    let folder = FolderComparison(files: ImageFiles(files))
    for (position, file) in files.enumerated() { #expect(folder.position(of: file.path) == position) }
    #expect(folder.position(of: "p500") == nil && folder.position(of: "p") == nil)
  }

  @Test func aMissingImageThatReturnsIsNotMissingAnyMore() throws {
    let plan = try plan([file("a")], known: [known("a", 1, isMissing: true)])
    #expect(plan.isEmpty && plan.refreshed == [0])
  }
}

/// Plans folders that are not there.
protocol PlansFolders {}

extension PlansFolders {
  func file(
    _ path: String,
    bytes: Int = 1,
    modified: Int = 1,
    status: Int = 1,
    id: ImageID? = nil
  ) -> ImageFile {
    ImageFile(
      folder: "/p",
      path: path,
      FileState(
        byteCount: bytes,
        modificationTime: modified,
        statusChangeTime: status
      ),
      id: id
    )
  }

  func known(
    _ path: String,
    _ id: ImageID?,
    bytes: Int = 1,
    modified: Int = 1,
    status: Int = 1,
    isPresent: Bool = true,
    hasHash: Bool = true,
    isMissing: Bool = false,
    phash: UInt64? = nil,
    duplicateOf: String? = nil
  ) -> RecordedImage {
    RecordedImage(
      path: path,
      id: id,
      byteCount: bytes,
      modificationTime: modified,
      statusChangeTime: status,
      isPresent: isPresent,
      hasHash: hasHash,
      isMissing: isMissing,
      phash: phash.map { PerceptualHash(bits: $0) },
      duplicateOf: duplicateOf
    )
  }

  func plan(
    _ files: [ImageFile],
    known: [RecordedImage] = [],
    present: [Int: ImageID] = [:],
    hashes: [Int: String] = [:],
    recorded: [(String, String)] = [],
    unseen: [String] = [],
    isLimited: Bool = false,
    isComplete: Bool = true,
    duplicates: DuplicateTreatment? = nil,
    _ treatment: LoadPlan.Treatment = .follow
  ) throws -> LoadPlan {
    var folder = FolderComparison(
      files: ImageFiles(files),
      unseen: unseen.map { Array($0.utf8) },
      isLimited: isLimited,
      comparesLooks: duplicates != nil
    )
    for image in known.shuffled() { folder.add(image) }
    folder.settle(isComplete: isComplete)
    var (contents, ids) = (ImageContents(), RowIDs())
    for (position, name) in hashes { contents.insert(SHA256.hexadecimal(of: name), at: position) }
    for (name, path) in recorded {
      contents.add(FolderComparison.Match(hash: SHA256.hexadecimal(of: name), path: path), folder)
    }
    for (position, id) in present { ids[position] = id }
    return try LoadPlan(
      folder,
      contents: contents,
      present: present.isEmpty ? nil : ids,
      treatment: treatment,
      search: duplicates.map { DuplicateSearch($0) },
      source: "/p"
    )
  }

  func ids(_ plan: LoadPlan) -> [ImageID?] { plan.files.indices.map { plan.ids[$0] } }
}

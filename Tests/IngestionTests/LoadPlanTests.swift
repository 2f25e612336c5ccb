import ImageSources
import Testing

@testable import Ingestion

/// What a load of a folder does with images that are new, changed, gone, or another folder's.
struct LoadPlanTests {
  private func file(_ path: String, bytes: Int = 1, modified: Int = 1) -> ImageFile {
    ImageFile(folder: "/p", path: path, byteCount: bytes, modificationTime: modified)
  }

  private func known(_ id: Int64?, bytes: Int = 1, isPresent: Bool = true) -> LoadPlan.Known {
    LoadPlan.Known(id: id, byteCount: bytes, modificationTime: 1, isPresent: isPresent)
  }

  private func plan(
    _ files: [ImageFile],
    known: [PathKey: LoadPlan.Known] = [:],
    present: [PathKey: Int64] = [:],
    _ treatment: LoadPlan.Treatment = .follow
  ) throws -> LoadPlan {
    try LoadPlan(files: files, known: known, present: present, treatment: treatment, source: "/p")
  }

  @Test func aGrownFolderKeepsItsIDsAndNewImagesGetFreeOnes() throws {
    var plan = try plan([file("a"), file("b"), file("c")], known: ["b": known(0), "c": known(1)])
    #expect(plan.new == [0] && plan.done == DoneRanges([1..<3]) && plan.changed.isEmpty)
    try plan.assignIDs(.position, taken: .init(includesPositions: true, largest: 1))
    #expect(plan.ids == [2, 0, 1])
  }

  @Test func aSecondFolderGetsIDsAboveTheFirst() throws {
    var plan = try plan([file("a"), file("b")])
    try plan.assignIDs(.position, taken: .init(includesPositions: true, largest: 9))
    #expect(plan.ids == [10, 11])
    try plan.assignIDs(.position, taken: .init(includesPositions: false, largest: 9))
    #expect(plan.ids == [0, 1], "positions that are free are the ids")
  }

  @Test func equalRelativeNamesOfTwoFoldersGetDifferentIDs() throws {
    var plan = try plan([file("IMG_1.jpg"), file("IMG_2.jpg")])
    let taken = ImageIDs.id(ofPath: "IMG_1.jpg")
    try plan.assignIDs(.path, taken: .init(paths: [taken]))
    #expect(plan.ids == [ImageIDs.id(ofPath: "/p/IMG_1.jpg"), ImageIDs.id(ofPath: "IMG_2.jpg")])
  }

  @Test func aTouchedImageIsEmbeddedAgainUnderItsID() throws {
    let plan = try plan([file("a", bytes: 2), file("b")], known: ["a": known(7), "b": known(8)])
    #expect(plan.changed == [0] && plan.ids == [7, 8] && plan.done == DoneRanges([1..<2]))
  }

  @Test func namesThatDifferInCompositionAreTwoFiles() throws {
    let (composed, decomposed) = ("caf\u{E9}", "cafe\u{301}")
    let plan = try plan(
      [file(decomposed), file(composed, bytes: 2)],
      known: [PathKey(decomposed): known(7), PathKey(composed): known(8, bytes: 2)]
    )
    #expect(plan.isEmpty && plan.ids == [7, 8])
  }

  @Test func aDeletedRowIsLoadedAgain() throws {
    let plan = try plan([file("a"), file("b")], known: ["a": known(7, isPresent: false), "b": known(8)])
    #expect(plan.new == [0] && plan.recorded == [0, 1] && !plan.isEmpty)
  }

  @Test func unreadableImagesAreTriedAgainOnlyWhenTheyChange() throws {
    let same = try plan([file("a")], known: ["a": known(nil)])
    #expect(same.isEmpty && same.unreadable == 1)
    let changed = try plan([file("a", bytes: 2)], known: ["a": known(nil)])
    #expect(changed.new == [0])
  }

  @Test func imagesThatAreGoneAreCounted() throws {
    #expect(try plan([file("a")], known: ["a": known(0), "b": known(1), "c": known(nil)]).vanished == 1)
  }

  @Test func rowsOfTheSameSourceAreTreatedAsAsked() throws {
    let files = [file("a"), file("b")]
    #expect(throws: LoadError.self) { try plan(files, present: ["a": 5], .refuse) }
    let skipped = try plan(files, present: ["a": 5], .follow)
    #expect(skipped.adopted == [0] && skipped.new == [1])
    let replaced = try plan(files, present: ["a": 5], .embedAgain)
    #expect(replaced.changed == [0] && replaced.ids[0] == 5)
  }

  @Test func noIDAboveTheLargestIsAnErrorAndNotATrap() throws {
    var plan = try plan([file("a")], known: ["z": known(1)])
    #expect(throws: LoadError.self) {
      try plan.assignIDs(.position, taken: .init(includesPositions: true, largest: .max))
    }
  }
}

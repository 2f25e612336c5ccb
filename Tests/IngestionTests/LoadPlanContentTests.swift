import Basics
import ImageCodecs
import ImageSources
import Testing

@testable import Ingestion

/// What a load of a folder does with images that were moved, are equal to others, or look like them.
struct LoadPlanContentTests: PlansFolders {
  @Test func imagesOfEqualContentAreLeftOutWhereThatIsAskedFor() throws {
    let files = [file("a"), file("b"), file("c", bytes: 2)]
    let hashes = [0: "x", 1: "x"]
    let skips = try plan(files, hashes: hashes, duplicates: .skip)
    #expect(skips.new == [0, 2] && skips.duplicates.isEmpty && skips.skipped.map(\.position) == [1])
    #expect(skips.skipped.map(\.original) == ["a"] && !skips.isEmpty && skips.positionsWithoutID == [0, 2])
    let links = try plan(files, hashes: hashes, duplicates: .link)
    #expect(links.skipped.isEmpty && links.duplicates.map(\.position) == [1])
    // An image that has a row keeps it.
    let changed = try plan(
      [file("a"), file("b", modified: 2)],
      known: [known("a", 1), known("b", 2)],
      hashes: [1: "x"],
      recorded: [("x", "a"), ("y", "b")],
      duplicates: .skip
    )
    #expect(changed.skipped.isEmpty && changed.duplicates.map(\.hasRow) == [true])
  }

  @Test(arguments: [nil, .skip, .link, .report] as [DuplicateTreatment?])
  func anImageThatWasLeftOutIsLookedAtAgainWhenItsOriginalIsAnother(treatment: DuplicateTreatment?) throws {
    let files = [file("a"), file("b")]
    let leftOut = known("b", nil, duplicateOf: "a")
    let a = known("a", 7, phash: 5)
    let same = try plan(files, known: [a, leftOut], duplicates: treatment)
    #expect(same.isEmpty == (treatment == nil || treatment == .skip))
    #expect(same.leftOut == (same.isEmpty ? 1 : 0) && same.unreadable == 0)
    guard same.isEmpty else { return }
    let edited = try plan([file("a", bytes: 2), file("b")], known: [a, leftOut], duplicates: treatment)
    #expect(edited.new == [1] && edited.changed == [0])
    let lost = try plan(files, known: [known("a", 7, isPresent: false), leftOut], duplicates: treatment)
    #expect(lost.new == [0, 1])
    let itself = try plan([file("a"), file("b", bytes: 2)], known: [a, leftOut], duplicates: treatment)
    #expect(itself.new == [1] && itself.leftOut == 0)
    // Without the image that it is equal to, it takes the row over; one that only looked like it is embedded.
    let alone = [file("b")]
    let equal = try plan(
      alone,
      known: [a, leftOut],
      hashes: [0: "x"],
      recorded: [("x", "a"), ("x", "b")],
      duplicates: treatment
    )
    #expect(equal.moved.map(\.id) == [7] && equal.embedsNothing && equal.deleted.isEmpty)
    let alike = try plan(
      alone,
      known: [a, leftOut],
      hashes: [0: "y"],
      recorded: [("x", "a"), ("y", "b")],
      duplicates: treatment
    )
    #expect(alike.new == [0] && alike.deleted.map(\.path) == ["a"])
    let unseen = try plan(alone, known: [a, leftOut], unseen: ["a"], duplicates: treatment)
    #expect(unseen.isEmpty && unseen.leftOut == 1)
    // Modified just before it was looked at: the content tells that it is the same.
    let recent = known("b", nil, modified: 0, duplicateOf: "a")
    let compared = try plan(
      files,
      known: [a, recent],
      hashes: [1: "y"],
      recorded: [("y", "b")],
      duplicates: treatment
    )
    #expect(compared.isEmpty && compared.leftOut == 1 && compared.refreshed == [1])
  }

  @Test func whatImagesShowIsLookedAtOnce() throws {
    let files = [file("a"), file("b"), file("c"), file("d", bytes: 2), file("e")]
    let recorded = [
      known("a", 1, phash: 9), known("b", 2), known("c", 3, phash: 8, duplicateOf: "a"),
      known("d", 4, phash: 7),
      known("e", nil),
    ]
    let plan = try plan(files, known: recorded, duplicates: .report)
    #expect(plan.examined == [1] && plan.changed == [3] && plan.new.isEmpty && !plan.isEmpty)
    #expect(plan.phashes == [0: PerceptualHash(bits: 9)], "neither a duplicate nor a content of before")
    #expect(plan.done == DoneRanges([0..<1, 2..<3, 4..<5]) && plan.unchanged == 3)
    #expect(try self.plan(files, known: recorded).examined.isEmpty)
  }

  @Test func aMovedImageKeepsItsRow() throws {
    let plan = try plan([file("b")], known: [known("a", 7)], hashes: [0: "x"], recorded: [("x", "a")])
    #expect(Array(plan.moved) == [LoadPlan.Move(position: 0, id: 7, path: "a")])
    #expect(plan.embedsNothing && plan.deleted.isEmpty && !plan.isEmpty)
  }

  @Test func numberedImagesThatMoveUpKeepTheirRowsInAnOrderWithoutCollision() throws {
    let plan = try plan(
      [file("2"), file("3"), file("4")],
      known: [known("1", 1), known("2", 2, modified: 2), known("3", 3, modified: 2)],
      hashes: [0: "a", 1: "b", 2: "c"],
      recorded: [("a", "1"), ("b", "2"), ("c", "3")]
    )
    #expect(plan.moved.map(\.id) == [3, 2, 1] && plan.moved.map(\.position) == [2, 1, 0])
    #expect(plan.embedsNothing && plan.deleted.isEmpty)
  }

  @Test func twoImagesThatChangePlacesAreEmbeddedAgain() throws {
    let plan = try plan(
      [file("a", modified: 2), file("b", modified: 2)],
      known: [known("a", 1), known("b", 2)],
      hashes: [0: "y", 1: "x"],
      recorded: [("x", "a"), ("y", "b")]
    )
    #expect(plan.changed == [0, 1] && plan.moved.isEmpty && plan.duplicates.isEmpty)
  }

  @Test func anImageMovedOntoAnotherTakesItsVectorAndTheOtherRowStays() throws {
    let plan = try plan(
      [file("b", modified: 2)],
      known: [known("a", 1), known("b", 2)],
      hashes: [0: "x"],
      recorded: [("x", "a")]
    )
    #expect(Array(plan.duplicates) == [LoadPlan.Duplicate(position: 0, original: "a", hasRow: true)])
    #expect(plan.deleted.map(\.path) == ["a"] && ids(plan) == [2])
  }

  @Test func equalImagesAreEmbeddedOnce() throws {
    let first = try plan([file("a"), file("b"), file("c")], hashes: [0: "x", 1: "x", 2: "y"])
    #expect(first.new == [0, 2])
    #expect(Array(first.duplicates) == [LoadPlan.Duplicate(position: 1, original: "a", hasRow: false)])
    let copied = try plan(
      [file("a"), file("b")],
      known: [known("a", 1)],
      hashes: [1: "x"],
      recorded: [("x", "a")]
    )
    #expect(copied.embedsNothing && copied.duplicates.map(\.original) == ["a"])
  }

  @Test func aRowWhoseOwnImageChangesLendsItsVectorToNone() throws {
    let plan = try plan(
      [file("a", bytes: 2), file("b")],
      known: [known("a", 1)],
      hashes: [1: "x"],
      recorded: [("x", "a")]
    )
    // The row of "a" follows its content to "b"; what is at "a" now is new.
    #expect(Array(plan.moved) == [LoadPlan.Move(position: 1, id: 1, path: "a")])
    #expect(plan.new == [0] && plan.duplicates.isEmpty)
  }

  @Test func onlyContentsThatMayBeEqualAreRead() {
    var folder = FolderComparison(
      files: ImageFiles([
        file("same"), file("new", bytes: 5), file("copy", bytes: 9), file("twin", bytes: 6),
        file("twin2", bytes: 6),
        file("touched", modified: 2), file("grown", bytes: 8),
      ])
    )
    folder.add(known("same", 1))
    folder.add(known("touched", 2))
    folder.add(known("grown", 3))
    folder.add(known("elsewhere", 4, bytes: 9))
    #expect(folder.positionsToHash(all: false) == [2, 3, 4, 5])
    #expect(folder.positionsToHash(all: true) == [0, 2, 3, 4, 5])
  }

  @Test func aRowWhoseIDIsGivenToAnotherPathGoesThere() throws {
    let moved = try plan(
      [file("new", id: 7)],
      known: [known("old", 7)],
      hashes: [0: "x"],
      recorded: [("x", "old")]
    )
    #expect(Array(moved.moved) == [LoadPlan.Move(position: 0, id: 7, path: "old")] && moved.embedsNothing)
    let edited = try plan([file("new", bytes: 2, id: 7)], known: [known("old", 7)])
    #expect(edited.moved.map(\.id) == [7] && edited.changed == [0] && edited.deleted.isEmpty)
    #expect(edited.recorded == [0], "the record of the old path is replaced")
    // A row of equal content is another image's when its id is.
    let other = try plan(
      [file("new", id: 8)],
      known: [known("old", 7)],
      hashes: [0: "x"],
      recorded: [("x", "old")]
    )
    #expect(other.moved.isEmpty && other.duplicates.map(\.original) == ["old"])
  }

  /// Only the time at which a file got its name tells that two of equal size and time have changed theirs.
  @Test func imagesThatLookLikeOthersAreComparedByContentWhenTheyWereMoved() throws {
    let recorded = [known("a", 1), known("b", 2), known("c", 3, bytes: 2)]
    func plan(_ status: Int, a: String = "x", isComplete: Bool = true) throws -> LoadPlan {
      try self.plan(
        [file("a", status: status), file("b", status: status), file("c", bytes: 2, status: status)],
        known: recorded,
        hashes: status == 1 ? [:] : isComplete ? [0: a, 1: "y"] : [0: a, 1: "y", 2: "z"],
        recorded: [("x", "a"), ("y", "b"), ("z", "c")],
        isComplete: isComplete
      )
    }
    #expect(try plan(1).refreshed.isEmpty)
    let renamed = try plan(2)
    #expect(renamed.isEmpty && renamed.refreshed == [0, 1] && renamed.unchanged == 3 && renamed.touched == 0)
    #expect(try plan(2, a: "w").changed == [0])
    // An image that a run which was stopped did not get to may be anywhere.
    #expect(try plan(2, isComplete: false).refreshed == [0, 1, 2])
    // The other one is not there any more, or has another content.
    for other in [nil, file("b", bytes: 3)] as [ImageFile?] {
      var folder = FolderComparison(files: ImageFiles([file("a", status: 2)] + (other.map { [$0] } ?? [])))
      for image in recorded { folder.add(image) }
      folder.settle(isComplete: true)
      #expect(folder.positionsToHash(all: false).contains(0))
    }
    var alone = FolderComparison(files: ImageFiles([file("a", status: 2)]))
    alone.add(known("a", 1))
    alone.settle(isComplete: true)
    #expect(alone.positionsToHash(all: false).isEmpty)
  }
}

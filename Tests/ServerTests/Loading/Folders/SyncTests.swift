import Basics
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

/// Tables that follow their folders: for every change of the images, and whenever a run is stopped, the rows are those
/// of a fresh load of the folder as it is.
@Suite(.serialized)
struct SyncTests {
  @Test func aSecondRunDoesNothing() async throws {
    try await SyncedFolder.with { folder in
      for number in 0..<12 { try folder.images.write("c\(number % 3)/\(number).bmp", UInt8(number % 5)) }
      let first = try await folder.sync()
      #expect(first.changes?.added == 12 && first.changes?.embedded == 5 && first.changes?.duplicates == 7)
      let second = try await folder.sync()
      #expect(second.wasFinished && second.changes?.unchanged == 12 && second.changes?.embedded == 0)
      try await folder.expectFreshLoad()
    }
  }

  @Test func movedTouchedAndCopiedImagesAreNotEmbedded() async throws {
    try await SyncedFolder.with { folder in
      for number in 0..<4 { try folder.images.write("c/\(number).bmp", UInt8(number)) }
      try folder.images.age("c/1.bmp")
      _ = try await folder.sync()
      let before = try await folder.rows("id, image_vector", order: "id")
      try folder.images.move("c/0.bmp", "d/moved.bmp")
      try folder.images.touch("c/1.bmp")
      try folder.images.copy("c/2.bmp", "e/copy.bmp")
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
      try folder.images.write("a/1.bmp", 1)
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
      for number in 0..<30 { try folder.images.write("\(number).bmp", UInt8(number)) }
      _ = try await folder.sync()
      try folder.images.remove("0.bmp")
      #expect(try await folder.sync().changes?.missing == 1)
      #expect(try await folder.sync { $0.deleted = .flag }.changes?.flagged == 1)
      #expect(try await folder.sync { $0.deleted = .flag }.wasFinished)
      let flagged = "SELECT path FROM \(folder.schema).adbvec_load_image WHERE missing_since IS NOT NULL"
      #expect(try await folder.sql(flagged) == ["0.bmp"])
      try folder.images.write("0.bmp", 0)
      _ = try await folder.sync()
      #expect(try await folder.sql(flagged).isEmpty)
      try folder.images.remove("0.bmp")
      #expect(try await folder.sync { $0.deleted = .delete }.changes?.deleted == 1)
      try await folder.expectFreshLoad()
      for number in 1..<10 { try folder.images.remove("\(number).bmp") }
      let many = try await folder.sync { $0.deleted = .delete }
      #expect(many.changes?.deleted == 0 && many.changes?.heldBack == 9)
      for number in 10..<30 { try folder.images.remove("\(number).bmp") }
      let whole = try await folder.sync { $0.deleted = .delete }
      #expect(whole.changes?.heldBack == 29)
      let confirmed = try await folder.sync { ($0.deleted, $0.confirmsDeletions) = (.delete, true) }
      #expect(confirmed.changes?.deleted == 29)
      #expect(try await folder.rows("id", order: "id").isEmpty)
    }
  }

  @Test func aFolderThatIsNotThereIsNotEmpty() async throws {
    try await SyncedFolder.with { folder in
      try folder.images.write("a.bmp", 1)
      _ = try await folder.sync()
      try FileManager.default.removeItem(atPath: folder.images.path)
      await #expect(throws: CollectionError.self) {
        try await folder.sync { ($0.deleted, $0.confirmsDeletions) = (.delete, true) }
      }
      #expect(try await folder.rows("id", order: "id") == ["0"])
    }
  }

  /// Ids that are texts or UUIDs: new images get them by their paths, and everything else is as with numbers.
  @Test(arguments: ["text", "varchar(40)", "uuid", "smallint"])
  func idsOfEveryTypeAreFollowed(type: String) async throws {
    try await SyncedFolder.with(idType: type) { folder in
      for number in 0..<6 { try folder.images.write("c/\(number).bmp", UInt8(number % 4)) }
      #expect(try await folder.sync().changes?.added == 6)
      if type == "uuid" {
        let md5 = try await folder.sql("SELECT md5('c/0.bmp')::uuid::text")
        #expect(try await folder.rows("id", order: "source").first == md5.first)
      }
      let before = try await folder.rows("id", order: "source")
      try folder.images.move("c/0.bmp", "a/moved.bmp")
      try folder.images.write("c/1.bmp", 40, extraBytes: 1)
      try folder.images.copy("c/2.bmp", "d/copy.bmp")
      try folder.images.remove("c/5.bmp")
      let report = try await folder.sync { ($0.deleted, $0.confirmsDeletions) = (.delete, true) }
      #expect(report.changes?.moved == 1 && report.changes?.changed == 1 && report.changes?.deleted == 1)
      #expect(report.changes?.added == 1 && report.changes?.embedded == 1)
      #expect(Array(try await folder.rows("id", order: "source").prefix(5)) == Array(before.prefix(5)))
      try await folder.expectFreshLoad()
      #expect(try await folder.sync().wasFinished)
    }
  }

  /// A new row may take a path whose id a row that moved away has.
  @Test(arguments: ["bigint", "uuid"])
  func anIDByPathThatIsTakenIsGivenToNobodyElse(type: String) async throws {
    try await SyncedFolder.with(idType: type) { folder in
      for round in 0..<4 {
        try folder.images.write("a.bmp", UInt8(round))
        #expect(try await folder.sync(ids: .path).changes?.added == 1)
        try folder.images.move("a.bmp", "moved\(round).bmp")
      }
      #expect(try await folder.sync(ids: .path).changes?.moved == 1)
      try await folder.expectFreshLoad()
    }
  }

  @Test func aListOfImagesIsFollowedWithItsIDs() async throws {
    try await SyncedFolder.with { folder in
      for number in 0..<4 { try folder.images.write("c\(number).bmp", UInt8(number)) }
      func list(_ lines: String...) throws {
        try folder.images.write(
          "list.csv",
          Array(("path,class,id\n" + lines.joined(separator: "\n") + "\n").utf8)
        )
      }
      try list("c0.bmp,cat,70", "./c1.bmp,dog,5", "\(folder.images.path)/c2.bmp,,")
      #expect(try await folder.sync(list: "list.csv").changes?.added == 3)
      #expect(
        try await folder.rows("id, class, image_vector[1]", order: "id") == ["5:dog:1", "70:cat:0", "71:2"]
      )
      #expect(try await folder.sync(list: "list.csv").wasFinished)
      // Another path for an id, an image that is new, one that is not listed any more, one that is not there.
      try folder.images.move("c0.bmp", "moved.bmp")
      try list("moved.bmp,cat,70", "c1.bmp,dog,5", "c3.bmp,ant,9", "nowhere.bmp,,100")
      let report = try await folder.sync(list: "list.csv") {
        ($0.deleted, $0.confirmsDeletions) = (.delete, true)
      }
      #expect(report.changes?.moved == 1 && report.changes?.added == 1 && report.changes?.deleted == 1)
      #expect(
        try await folder.rows("id, class, image_vector[1]", order: "id") == [
          "5:dog:1", "9:ant:3", "70:cat:0",
        ]
      )
      // An id that is another row's, and one that contradicts the table.
      try list("moved.bmp,cat,70", "c1.bmp,dog,6")
      await #expect(throws: LoadError.self) { try await folder.sync(list: "list.csv") }
      try await folder.sql("INSERT INTO \(folder.schema).image_search (id) VALUES (12)")
      try list("moved.bmp,cat,70", "c1.bmp,dog,5", "c3.bmp,ant,9", "c2.bmp,,12")
      await #expect(throws: LoadError.self) { try await folder.sync(list: "list.csv") }
      #expect(try await folder.rows("id", order: "id") == ["5", "9", "12", "70"])
    }
  }

  /// A killed run between the row's new path and its new vector leaves a row that the next one embeds again.
  @Test func anImageThatIsMovedByItsIDAndEditedIsEmbeddedAgain() async throws {
    try await SyncedFolder.with { folder in
      for number in 0..<3 { try folder.images.write("c\(number).bmp", UInt8(number)) }
      func list(_ first: String) throws {
        let lines = ["id,path", "7,\(first)", "8,c1.bmp", "9,c2.bmp"]
        try folder.images.write("list.csv", Array(lines.joined(separator: "\n").utf8))
      }
      try list("c0.bmp")
      _ = try await folder.sync(list: "list.csv")
      try folder.images.write("new.bmp", 30)
      try list("new.bmp")
      let report = try await folder.sync(list: "list.csv")
      #expect(report.changes?.embedded == 1)
      #expect(try await folder.rows("id, image_vector[1]", order: "id") == ["7:30", "8:1", "9:2"])
      #expect(try await folder.sync(list: "list.csv").wasFinished)
    }
  }

  @Test func severalFoldersShareATable() async throws {
    try await SyncedFolder.with { first in
      let second = try first.another()
      try first.images.write("a.bmp", 1)
      try second.images.write("a.bmp", 1)
      try second.images.write("b.bmp", 2)
      _ = try await first.sync()
      _ = try await second.sync()
      try second.images.remove("b.bmp")
      try first.images.write("b.bmp", 3)
      _ = try await first.sync()
      _ = try await second.sync { ($0.deleted, $0.confirmsDeletions) = (.delete, true) }
      #expect(try await first.rows("image_vector[1]", order: "id") == ["1", "1", "3"])
    }
  }

  @Test func aChangeOfEqualSizeAndTimeIsFoundByContent() async throws {
    try await SyncedFolder.with { folder in
      try folder.images.write("a.bmp", 1)
      try folder.images.age("a.bmp")
      _ = try await folder.sync()
      try folder.images.write("a.bmp", 2)
      try folder.images.age("a.bmp")
      #expect(try await folder.sync().wasFinished)
      #expect(try await folder.sync { $0.hashesAll = true }.changes?.changed == 1)
      try await folder.expectFreshLoad()
      #expect(try await folder.sync { $0.hashesAll = true }.wasFinished)
    }
  }

  /// Equal sizes, equal times of modification, names exchanged, or one moved onto the other: only the time at which a file got its
  /// name tells, and the contents decide.
  @Test(arguments: [nil, 0, 2] as [Int?])
  func filesThatChangedTheirNamesAreToldFromEachOther(upgradedAt: Int?) async throws {
    try await SyncedFolder.with { folder in
      func write(_ name: String, _ red: UInt8) throws {
        try folder.images.write(name, red)
        try folder.images.age(name)
      }
      for (name, red) in [("a", 1), ("b", 2), ("c", 3), ("d", 4), ("e", 5)] as [(String, UInt8)] {
        try write(name + ".bmp", red)
      }
      var looks = 0
      func sync() async throws -> FolderChanges? {
        if looks == upgradedAt {
          try await folder.sql("ALTER TABLE \(folder.schema).adbvec_load_image DROP COLUMN status_changed_at")
        }
        looks += 1
        let report = try await folder.sync { ($0.deleted, $0.confirmsDeletions) = (.delete, true) }
        try await folder.expectFreshLoad("look \(looks)")
        return report.changes
      }
      _ = try await folder.sync()
      // Of a file that got its name just before it was listed, the time says nothing.
      if upgradedAt == nil { try await Task.sleep(for: .seconds(2.1)) }
      #expect(try await sync()?.unchanged == 5)
      let known = "SELECT count(*) FROM \(folder.schema).adbvec_load_image WHERE status_changed_at > 0"
      if upgradedAt == nil { #expect(try await folder.sql(known) == ["5"]) }
      try folder.images.exchange("a.bmp", "b.bmp")
      let exchanged = try await sync()
      #expect(exchanged?.changed == 2 && exchanged?.embedded == 2)
      try folder.images.move("c.bmp", "a.bmp")
      let moved = try await sync()
      #expect(moved?.changed == 1 && moved?.embedded == 0 && moved?.deleted == 1)
      try folder.images.exchange("a.bmp", "d.bmp")
      try folder.images.exchange("d.bmp", "e.bmp")
      #expect(try await sync()?.changed == 3)
      #expect(try await sync()?.unchanged == 4)
    }
  }

  @Test func aJournalWithoutIDsThatAreTextsIsUpgraded() async throws {
    try await SyncedFolder.with { folder in
      try folder.images.write("a.bmp", 1)
      _ = try await folder.sync()
      _ = try await folder.sql("ALTER TABLE \(folder.schema).adbvec_load_image DROP COLUMN id_text")
      #expect(try await folder.sync { $0.plansOnly = true }.changes?.unchanged == 1)
      try folder.images.move("a.bmp", "b.bmp")
      #expect(try await folder.sync().changes?.moved == 1)
    }
  }

  @Test func aJournalWithoutHashesIsUpgraded() async throws {
    try await SyncedFolder.with { folder in
      try folder.images.write("a.bmp", 1)
      try folder.images.age("a.bmp")
      _ = try await folder.sync()
      _ = try await folder.sql(
        """
        ALTER TABLE \(folder.schema).adbvec_load_image
          DROP COLUMN content_hash, DROP COLUMN missing_since, DROP COLUMN id_text
        """
      )
      #expect(try await folder.sync { $0.plansOnly = true }.changes?.unchanged == 1)
      try folder.images.write("b.bmp", 2)
      #expect(try await folder.sync().changes?.added == 1)
      #expect(try await folder.sync { $0.hashesAll = true }.wasFinished)
      try folder.images.move("a.bmp", "c.bmp")
      #expect(try await folder.sync().changes?.moved == 1, "the hash was recorded")
    }
  }

  /// `ADBVEC_SYNC_FILES` sets the number of files.
  @Test func everythingThatPeoplesFoldersHaveIsDealtWithOnce() async throws {
    let count = Environment.variables["ADBVEC_SYNC_FILES"].flatMap(Int.init) ?? 300
    try await SyncedFolder.with { folder in
      let made = try MessyFolder(folder.images, count: count)
      let first = try await folder.sync()
      #expect(first.changes?.added == made.readable && first.changes?.unreadable == made.unreadable)
      let sources = try await folder.sql(
        "SELECT count(DISTINCT source) FROM \(folder.schema).image_search WHERE source LIKE '%\(folder.images.path)/%'"
      )
      #expect(sources == ["\(made.readable)"])
      let rows = try await folder.rows("id, source, class, image_vector", order: "id")
      let second = try await folder.sync()
      #expect(second.wasFinished && second.changes?.embedded == 0)
      #expect(second.changes?.unchanged == made.readable && second.changes?.unreadable == made.unreadable)
      #expect(second.changes?.added == 0 && second.changes?.changed == 0 && second.changes?.moved == 0)
      #expect(try await folder.rows("id, source, class, image_vector", order: "id") == rows)
      let all = try await folder.sync { $0.hashesAll = true }
      #expect(all.wasFinished && all.changes?.embedded == 0)
      try await folder.expectFreshLoad()
    }
  }

  @Test func rowsOfFoldersThatCannotBeReadAndOfLinksThatLeadNowhereStay() async throws {
    try await SyncedFolder.with { folder in
      let elsewhere = try EditedFolder()
      for number in 0..<20 { try folder.images.write("k/\(number).bmp", UInt8(number)) }
      try elsewhere.write("linked.bmp", 30)
      try FileManager.default.createSymbolicLink(
        atPath: folder.images.absolute("link.bmp"),
        withDestinationPath: elsewhere.absolute("linked.bmp")
      )
      #expect(try await folder.sync().changes?.added == 21)
      try elsewhere.remove("linked.bmp")
      let report = try await folder.sync { ($0.deleted, $0.confirmsDeletions) = (.delete, true) }
      #expect(report.changes?.deleted == 0)
      #expect(try await folder.rows("id", order: "id").count == 21)
    }
  }

  /// Every pair is compared in `RecipeMatrixTests`; here is what a refusal leaves behind.
  @Test func imagesOfAnotherRecipeAreRefusedAndNothingIsWritten() async throws {
    func recipe(_ feature: String, projection: String = "none") -> Recipe {
      Recipe([.architecture: "squeezenet1_1", .feature: feature, .projection: projection])
    }
    try await SyncedFolder.with { folder in
      try folder.images.write("a.bmp", 1)
      _ = try await folder.sync { $0.recipe = recipe("pooled") }
      try folder.images.write("b.bmp", 2)
      for other in [recipe("gem:3"), recipe("rmac:3"), recipe("pooled", projection: "1a2b")] {
        await #expect(throws: RecipeMismatch.self) { try await folder.sync { $0.recipe = other } }
        await #expect(throws: RecipeMismatch.self) { try await folder.sync(recipe: other) }
      }
      #expect(try await folder.rows("id", order: "id") == ["0"])
      #expect(try await folder.sync(recipe: recipe("pooled")).changes?.added == 1)
    }
  }

  @Test(arguments: [nil, "cosine", "ip"])
  func theRecipeSaysWhichMetricTheVectorsAreFor(chosen: String?) async throws {
    try await SyncedFolder.with { folder in
      try folder.images.write("a.bmp", 1)
      try await folder.useVectorColumn(index: chosen.map { "vector_\($0)_ops" })
      _ = try await folder.sync(recipe: Recipe([.architecture: "squeezenet1_1"]))
      let recorded = try await folder.sql(
        "SELECT recipe::json ->> 'metric' FROM \(folder.schema).adbvec_recipe"
      )
      #expect(recorded == [chosen])
    }
  }

  /// `ADBVEC_SYNC_SCRIPTS` sets the number of scripts.
  @Test func randomEditsAndStopsEndAsAFreshLoad() async throws {
    let count = Environment.variables["ADBVEC_SYNC_SCRIPTS"].flatMap(Int.init) ?? 8
    for script in 0..<count {
      var edits = FolderEdits(seed: UInt64(script))
      try await SyncedFolder.with { folder in
        let rounds = edits.number(in: 2...5)
        for round in 0..<rounds {
          // In half of the scripts the table gets the column for hashes on the way.
          if round == 1, script % 2 == 1 {
            try await folder.sql("ALTER TABLE \(folder.schema).image_search ADD content_hash text")
          }
          for _ in 0..<edits.number(in: 1...14) { try edits.apply(to: folder.images) }
          for _ in 0..<edits.number(in: 0...2) {
            await folder.syncAndStop(after: edits.number(in: 0...60), edits.number(in: 0...5))
            if edits.number(in: 0...1) == 0 { try edits.apply(to: folder.images) }
          }
        }
        let report = try await folder.sync { ($0.deleted, $0.confirmsDeletions) = (.delete, true) }
        #expect(report.changes?.heldBack == 0)
        try await folder.expectFreshLoad("script \(script)")
        if script % 2 == 1 { try await folder.expectRecordedHashes() }
        let again = try await folder.sync { ($0.deleted, $0.confirmsDeletions) = (.delete, true) }
        #expect(again.wasFinished && again.changes?.embedded == 0, "script \(script)")
      }
    }
  }
}

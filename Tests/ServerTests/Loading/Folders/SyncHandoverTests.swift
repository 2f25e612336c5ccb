import Ingestion
import TestSupport
import Testing

/// Tables with rows that get the columns for sources and contents, and sources that share rows.
@Suite(.serialized)
struct SyncHandoverTests {
  /// The columns of the migrations add_source and identify_images come to a table with rows.
  @Test(arguments: ["bigint", "uuid", "text"])
  func columnsThatATableGetsAreFilledWithoutEmbedding(type: String) async throws {
    try await SyncedFolder.with(idType: type) { folder in
      for number in 0..<7 { try folder.images.write("c/\(number).bmp", UInt8(number % 5)) }
      _ = try await folder.sync()
      let embedded = folder.embedded
      let rows = try await folder.rows("id, source, class, image_vector", order: "id")
      _ = try await folder.sql(
        "ALTER TABLE \(folder.schema).image_search ADD content_hash text; UPDATE \(folder.schema).image_search SET source = NULL"
      )
      _ = try await folder.sync { $0.plansOnly = true }
      #expect(try await folder.rows("source, content_hash", order: "id") == Array(repeating: "", count: 7))
      #expect(try await folder.sync().wasFinished && folder.embedded == embedded)
      #expect(try await folder.rows("id, source, class, image_vector", order: "id") == rows)
      try await folder.expectRecordedHashes()
      // From now on rows are written with them.
      try folder.images.write("c/new.bmp", 90)
      try folder.images.write("c/1.bmp", 91, extraBytes: 1)
      try folder.images.copy("c/2.bmp", "d/copy.bmp")
      try folder.images.move("c/3.bmp", "d/moved.bmp")
      let report = try await folder.sync()
      #expect(report.changes?.embedded == 2 && report.changes?.moved == 1 && report.changes?.duplicates == 1)
      try await folder.expectRecordedHashes()
      try await folder.expectFreshLoad()
    }
  }

  /// A stop leaves rows with and without; the next run goes on.
  @Test func columnsThatAreFilledInPartAreFilledToTheEnd() async throws {
    try await SyncedFolder.with { folder in
      for number in 0..<4 { try folder.images.write("\(number).bmp", UInt8(number)) }
      _ = try await folder.sync()
      _ = try await folder.sql(
        """
        ALTER TABLE \(folder.schema).image_search ADD content_hash text;
        UPDATE \(folder.schema).image_search t SET content_hash = i.content_hash
        FROM \(folder.schema).adbvec_load_image i WHERE i.id = t.id AND t.id < 2
        """
      )
      _ = try await folder.sync()
      try await folder.expectRecordedHashes()
    }
  }

  @Test func aRowThatMovesGetsThemAtItsNewPlace() async throws {
    try await SyncedFolder.with { folder in
      for number in 0..<4 { try folder.images.write("\(number).bmp", UInt8(number)) }
      _ = try await folder.sync()
      _ = try await folder.sql("ALTER TABLE \(folder.schema).image_search ADD content_hash text")
      try folder.images.move("0.bmp", "a/0.bmp")
      try folder.images.move("1.bmp", "a/1.bmp")
      try folder.images.move("2.bmp", "1.bmp")
      #expect(try await folder.sync().changes?.moved == 3)
      try await folder.expectRecordedHashes()
      #expect(folder.embedded == 4)
    }
  }

  /// Versions without the column for sources may have given an image two rows; one of them has the source.
  @Test func aSourceThatAnotherRowHasIsNotGivenTwice() async throws {
    try await SyncedFolder.with { folder in
      try folder.images.write("a.bmp", 1)
      _ = try await folder.sync()
      let table = "\(folder.schema).image_search"
      _ = try await folder.sql(
        """
        ALTER TABLE \(table) ADD content_hash text;
        INSERT INTO \(table) SELECT id + 1, class, source || ' ', image_vector FROM \(table);
        UPDATE \(table) SET source = NULL WHERE id = 0; UPDATE \(table) SET source = rtrim(source) WHERE id = 1
        """
      )
      #expect(try await folder.sync().wasFinished)
      #expect(try await folder.rows("source IS NULL, content_hash IS NULL", order: "id") == ["t:f", "f:t"])
    }
  }

  /// A folder and a list of its images: whichever moves a row, the other finds it.
  @Test func sourcesThatHoldEachOtherShareTheirRows() async throws {
    try await SyncedFolder.with { folder in
      try folder.images.write("a.bmp", 1)
      try folder.images.write("b.bmp", 2)
      func list(_ names: String...) throws {
        try folder.images.write("list.csv", Array("path\n\(names.joined(separator: "\n"))\n".utf8))
      }
      try list("a.bmp", "b.bmp")
      _ = try await folder.sync()
      #expect(try await folder.sync(list: "list.csv").changes?.unchanged == 2)
      try folder.images.move("b.bmp", "c.bmp")
      #expect(try await folder.sync().changes?.moved == 1)
      try list("a.bmp", "c.bmp")
      #expect(try await folder.sync(list: "list.csv").changes?.added == 0)
      #expect(try await folder.sync(list: "list.csv").wasFinished)
      try folder.images.move("a.bmp", "d.bmp")
      try list("c.bmp", "d.bmp")
      #expect(try await folder.sync(list: "list.csv").changes?.moved == 1)
      #expect(try await folder.sync().changes?.added == 0)
      #expect(try await folder.sync().wasFinished && folder.embedded == 2)
      #expect(try await folder.rows("id", order: "id") == ["0", "1"])
      try folder.images.remove("d.bmp")
      try list("c.bmp")
      for name in ["list.csv", nil] {
        _ = try await folder.sync(list: name) { ($0.deleted, $0.confirmsDeletions) = (.delete, true) }
      }
      try await folder.expectFreshLoad()
    }
  }

  /// A list that gives an image another id than its row has is refused before anything changes.
  @Test func aListWhoseIDsChangeIsRefused() async throws {
    try await SyncedFolder.with { folder in
      try folder.images.write("a.bmp", 1)
      try folder.images.write("b.bmp", 2)
      func list(_ text: String) throws {
        try folder.images.write("list.csv", Array("path,id\n\(text)".utf8))
      }
      try list("a.bmp,5\nb.bmp,6\n")
      _ = try await folder.sync(list: "list.csv")
      for text in ["a.bmp,6\nb.bmp,5\n", "a.bmp,5\nb.bmp,7\n"] {
        try list(text)
        await #expect(throws: LoadError.self) { try await folder.sync(list: "list.csv") }
        #expect(try await folder.rows("id, image_vector[1]", order: "id") == ["5:1", "6:2"])
      }
      try list("a.bmp,5\n")
      #expect(try await folder.sync(list: "list.csv").changes?.missing == 1)
    }
  }
}

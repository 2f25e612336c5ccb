import Foundation
import ImageCodecs
import ImageSources
import Ingestion
import PostgresClient
import Testing
import TestSupport
import VectorSQL

/// Loads into a real table, by every writer, under every policy.
@Suite(.serialized)
struct LoadingTests {
  @Test(
    arguments: ["real[]", "vector(3)", "halfvec(3)", "double precision[]"],
    [LoadOptions.Method.insert, .copy]
  )
  func everyWriterStoresTheSameRows(type: String, method: LoadOptions.Method) async throws {
    try await ScratchSchema.with { connection, schema in
      let target = try await LoadingTable.make(connection, schema, type: type)
      let file = try TemporaryFile("0|cat|{1,2,3}\n1|\\N|{4,5,6}\n2|\"a|\"\"b\"\"\"|{-1,0.5,0}\n")
      var options = LoadOptions()
      options.method = method
      let report = try await Loader(settings: ScratchSchema.settings(), target: target, options: options)
        .run(FileBatchSource(FeatureSource(path: file.path)))
      #expect(report.counts.loaded == 3)
      #expect(
        try await LoadingTable.rows(connection, target) == [
          "0|cat|1,2,3", "1|NULL|4,5,6", "2|a|\"b\"|-1,0.5,0",
        ]
      )
    }
  }

  @Test(arguments: LoadOptions.ConflictPolicy.allCases, [LoadOptions.Method.insert, .copy])
  func conflictsFollowThePolicy(policy: LoadOptions.ConflictPolicy, method: LoadOptions.Method) async throws {
    try await ScratchSchema.with { connection, schema in
      let target = try await LoadingTable.make(connection, schema, type: "real[]")
      try await connection.run(trusted: "INSERT INTO \(target.table.quoted) VALUES (1, 'old', '{9}')")
      let file = try TemporaryFile("0|new|{1}\n1|new|{2}\n2|new|{3}\n1|newer|{4}\n")
      var options = LoadOptions()
      options.method = method
      options.onConflict = policy
      let loader = Loader(settings: try await ScratchSchema.settings(), target: target, options: options)
      let source = FileBatchSource(FeatureSource(path: file.path))
      if policy == .fail {
        let stopped = await #expect(throws: LoadInterruption.self) { try await loader.run(source) }
        #expect(stopped?.description.contains("23505") == true)
        #expect(try await LoadingTable.rows(connection, target) == ["1|old|9"])
        return
      }
      let report = try await loader.run(source)
      let expected = policy == .skip ? "1|old|9" : "1|newer|4"
      #expect(try await LoadingTable.rows(connection, target) == ["0|new|1", expected, "2|new|3"])
      #expect(report.counts.loaded == (policy == .skip ? 2 : 3))
      #expect(report.counts.skipped == (policy == .skip ? 2 : 1))
      #expect(report.counts.replaced == (policy == .skip ? 0 : 1))
    }
  }

  @Test(.enabled(if: Environment.hasData, "../shared/data is missing"))
  func imagesAreEmbeddedInOrder() async throws {
    try await ScratchSchema.with { connection, schema in
      let target = try await LoadingTable.make(connection, schema, type: "vector(3)")
      let images = try ImageSource.open(Environment.data + "/cifar-100-binary/test.bin")
      let source = ImageBatchSource(images, .init(workers: 3)) {
        { image in image.rgb.prefix(3).map(Float.init) }
      }
      var options = LoadOptions()
      options.method = .insert
      let report = try await Loader(settings: ScratchSchema.settings(), target: target, options: options).run(
        source
      )
      #expect(report.counts.loaded == 500)
      let rows = try await connection.query(
        Statement(trusted: "SELECT id, class, image_vector FROM \(target.table.quoted) ORDER BY id")
      )
      for row in rows {
        let (id, label, vector) = try row.decode(Int.self, String.self, [Float].self)
        #expect(label == (try images.entry(at: id).label))
        #expect(vector == (try images.image(at: id).rgb.prefix(3).map(Float.init)))
      }
    }
  }

  @Test func aFinishedLoadChangesNothingWhenItRunsAgain() async throws {
    try await ScratchSchema.with { connection, schema in
      let target = try await LoadingTable.make(connection, schema, type: "real[]")
      let file = try TemporaryFile("0|a|{1}\n1|b|{2}\n")
      let loader = Loader(settings: try await ScratchSchema.settings(), target: target)
      let source = { FileBatchSource(FeatureSource(path: file.path)) }
      #expect(try await loader.run(source()).counts.loaded == 2)
      let again = try await loader.run(source())
      #expect(again.wasFinished && again.thisRun == LoadCounts() && again.counts.loaded == 2)
      try file.write("0|a|{1}\n1|b|{3}\n")
      let refused = await #expect(throws: LoadError.self) { try await loader.run(source()) }
      #expect(refused?.code == .resume)
    }
  }
}

/// The tutorial's table in a schema of the test.
enum LoadingTable {
  static func make(_ connection: PostgresConnection, _ schema: String, type: String) async throws
    -> LoadTarget
  {
    let table = QualifiedName(schema: try Identifier(validating: schema), name: "image_search")
    try await connection.run(
      trusted: """
        CREATE TABLE \(table.quoted) (id integer NOT NULL PRIMARY KEY, class text, image_vector \(type));
        ALTER TABLE \(table.quoted) ALTER COLUMN image_vector SET STORAGE PLAIN
        """
    )
    return LoadTarget(table: table)
  }

  /// Rows as `id|class|v,v,…`, in the order of their ids.
  static func rows(_ connection: PostgresConnection, _ target: LoadTarget) async throws -> [String] {
    let answers = try await connection.run(
      trusted:
        "SELECT id, class, translate(image_vector::text, '{}[]', '') FROM \(target.table.quoted) ORDER BY id"
    )
    return answers[0].rows.map { row in row.map { $0 ?? "NULL" }.joined(separator: "|") }
  }
}

/// CSV whose fields stand between other characters than commas.
struct LoadingDelimiterTests {
  @Test(arguments: [";", "\t", "|"])
  func fieldsBetweenOtherCharactersAreRead(delimiter: String) async throws {
    try await ScratchSchema.with { connection, schema in
      let target = try await LoadingTable.make(connection, schema, type: "real[]")
      let lines = (0..<9).map {
        ["\($0)", "\"a\(delimiter)b, c\"", "\"[\($0), 0.5]\""].joined(separator: delimiter) + "\n"
      }
      let file = try TemporaryFile(lines.joined(), name: "rows.csv")
      var source = FeatureSource(path: file.path)
      source.delimiter = try #require(delimiter.utf8.first)
      let report = try await Loader(settings: ScratchSchema.settings(), target: target)
        .run(FileBatchSource(source))
      #expect(report.counts.loaded == 9)
      #expect(
        try await LoadingTable.rows(connection, target) == (0..<9).map { "\($0)|a\(delimiter)b, c|\($0),0.5" }
      )
    }
  }
}

/// A file that is gone with the test.
final class TemporaryFile: Sendable {
  let path: String
  private let folder: TemporaryFolder

  init(_ content: String, name: String = "features.txt") throws {
    folder = try TemporaryFolder()
    path = try folder.file(name, content)
  }

  func write(_ content: String) throws {
    try Data(content.utf8).write(to: URL(fileURLWithPath: path))
  }
}

import Foundation
import ImageSources
import Ingestion
import PostgresClient
import TestSupport
import Testing
import VectorSQL

/// Files whose ids are texts or UUIDs, into tables that have such ids and into those that do not.
struct LoadingIDTests {
  private static let uuids = ["0b5f3a52-6a4e-4cf5-9d7a-0d7c9a1e2f30", "ffffffff-ffff-4fff-bfff-ffffffffffff"]

  private func load(
    _ text: String,
    name: String,
    into type: String,
    _ methods: [LoadOptions.Method] = [.insert, .copy]
  ) async throws -> [[String?]] {
    let folder = try TemporaryFolder()
    let file = try folder.file(name, text)
    var found: [[String?]] = []
    for method in methods {
      try await ScratchSchema.with { connection, schema in
        let table = QualifiedName(schema: try Identifier(validating: schema), name: "t")
        try await connection.run(
          trusted: "CREATE TABLE \(table.quoted) (id \(type) PRIMARY KEY, class text, image_vector real[])"
        )
        let settings = try await ScratchSchema.settings()
        for policy in [LoadOptions.ConflictPolicy.fail, .skip, .update] {
          var options = LoadOptions()
          (options.method, options.onConflict, options.batchRows) = (method, policy, 1)
          options.continuation = policy == .fail ? .ask : .restart
          let loader = Loader(settings: settings, target: LoadTarget(table: table), options: options)
          let report = try await loader.run(FileBatchSource(FeatureSource(path: file)))
          #expect(report.counts.handled == 2)
          #expect(report.counts.skipped == (policy == .skip ? 2 : 0))
        }
        let rows = try await connection.run(
          trusted: "SELECT id::text, class, image_vector::text FROM \(table.quoted) ORDER BY image_vector"
        )[0].rows
        found = rows
      }
    }
    return found
  }

  @Test(arguments: [
    ("v.csv", "id,class,vector\nx 1,cat,\"[1,2]\"\n007,dog,\"[3,4]\"\n"),
    ("v.csv", "x 1,cat,\"{1,2}\"\n007,dog,\"{3,4}\"\n"),
    (
      "v.jsonl",
      "{\"id\":\"x 1\",\"class\":\"cat\",\"vector\":[1,2]}\n{\"id\":\"007\",\"class\":\"dog\",\"vector\":[3,4]}\n"
    ),
    ("v.txt", "x 1|cat|{1,2}\n007|dog|{3,4}\n"),
  ])
  func textsAreIDsOfATableThatHasThem(name: String, text: String) async throws {
    let rows = try await load(text, name: name, into: "text")
    #expect(rows == [["x 1", "cat", "{1,2}"], ["007", "dog", "{3,4}"]])
  }

  @Test func numbersAreTextsToo() async throws {
    let rows = try await load("1|cat|{1,2}\n-5|dog|{3,4}\n", name: "v.txt", into: "varchar(9)")
    #expect(rows.map { $0[0] } == ["1", "-5"])
  }

  @Test func uuidsAreReadInEverySpelling() async throws {
    let (first, second) = (Self.uuids[0], Self.uuids[1])
    let text = "id,class,vector\n\(first.uppercased()),cat,\"[1,2]\"\n{\(second)},dog,\"[3,4]\"\n"
    #expect(try await load(text, name: "v.csv", into: "uuid").map { $0[0] } == [first, second])
  }

  @Test(arguments: [
    ("bigint", "x|cat|{1,2}\n2|dog|{3,4}\n", "line 1: the id \"x\" is not an integer"),
    ("uuid", "x|cat|{1,2}\ny|dog|{3,4}\n", "the id x does not fit the id column, which is uuid"),
    (
      "varchar(2)", "abc|cat|{1,2}\ny|dog|{3,4}\n",
      "the id abc does not fit the id column, which takes 2 characters"
    ),
    ("text", "|cat|{1,2}\ny|dog|{3,4}\n", "line 1: it has no id"),
    ("uuid", "\"\"|cat|{1,2}\ny|dog|{3,4}\n", "line 1: it has no id"),
    ("uuid", "id,class,vector\n\"\",cat,\"[1,2]\"\n", ":2: it has no id"),
    ("uuid", "{\"id\":\"\",\"vector\":[1,2]}\n", ":1: it has no id"),
  ])
  func idsThatDoNotFitAreRefusedBeforeAnythingIsSent(type: String, text: String, reason: String) async throws
  {
    var said = ""
    do {
      let name = text.hasPrefix("{") ? "v.jsonl" : text.hasPrefix("id,") ? "v.csv" : "v.txt"
      _ = try await load(text, name: name, into: type, [.insert])
    } catch {
      said = "\(error)"
    }
    let line = reason.hasPrefix("line ") ? reason.replacingOccurrences(of: "line 1: ", with: ":1: ") : reason
    #expect(said.contains(line) || said.contains(reason), "\(said)")
  }
}

import Foundation
import TestSupport
import Testing

/// `--format json` of every migrate command: an object with the version of its schema, the command, and a result that
/// says what happened.
struct MigrateJSONTests {
  /// A database, a folder with one migration, and the command on both.
  private struct Desk: Sendable {
    let database: TestDatabase
    let folder: String

    func write(_ name: String, _ text: String) throws {
      try text.write(toFile: "\(folder)/\(name)", atomically: true, encoding: .utf8)
    }

    func report(_ words: String..., exitCode: Int32 = 0) async throws -> JSON {
      let finished = try await Program.run(
        Program.adbvec,
        ["migrate"] + words + ["--migrations", folder, "--format", "json"],
        environment: ["DATABASE_URL": database.url]
      )
      #expect(finished.exitCode == exitCode, "\(finished.error)")
      let report = try JSONDecoder().decode(JSON.self, from: Data(finished.output.utf8))
      #expect(report["schema"] == .number(1))
      #expect(report["command"] == .text("migrate " + words[0]))
      return report[exitCode == 0 ? "result" : "errors"]
    }
  }

  private func withDesk(_ body: @Sendable (Desk) async throws -> Void) async throws {
    try await TestServer.withDatabase(extensions: []) { database in
      try await withTemporaryFolder { folder in
        let desk = Desk(database: database, folder: folder)
        try desk.write(
          "0001_a.sql",
          "-- migrate:up\nCREATE TABLE a (id int);\n-- migrate:down\nDROP TABLE a;\n"
        )
        try await body(desk)
      }
    }
  }

  @Test func `new names its file`() async throws {
    try await withDesk { desk in
      let made = try await desk.report("new", "add b")
      #expect(made == ["file": .text(desk.folder + "/0002_add_b.sql")])
    }
  }

  @Test func `plan lists the messages`() async throws {
    try await withDesk { desk in
      let plan = try await desk.report("plan")
      #expect(plan["command"] == "up")
      #expect(plan["opening"][0].string.contains("pg_try_advisory_lock("))
      let migration = plan["migrations"][0]
      #expect(migration["version"] == "0001" && migration["direction"] == "up")
      #expect(
        migration["messages"].array.contains {
          $0["statement"] == 1 && $0["sql"].string.contains("CREATE TABLE a")
        }
      )
    }
  }

  @Test func `up, redo and down list what ran`() async throws {
    try await withDesk { desk in
      let up = try await desk.report("up")["migrations"]
      #expect(up.array.count == 1)
      #expect(up[0]["version"] == "0001" && up[0]["name"] == "a" && up[0]["statements"] == 1)
      #expect(try await desk.report("up")["migrations"] == [])
      let redo = try await desk.report("redo")["migrations"]
      #expect(redo.array.map { $0["direction"] } == ["down", "up"])
      let down = try await desk.report("down")["migrations"]
      #expect(down.array.map { $0["direction"] } == ["down"])
    }
  }

  @Test func `status says where each file stands`() async throws {
    try await withDesk { desk in
      let before = try await desk.report("status")
      #expect(before["pending"] == .bool(true) && before["drift"] == .bool(false))
      #expect(before["migrations"][0]["state"] == "pending")
      _ = try await desk.report("up")
      try desk.write("0001_a.sql", "-- migrate:up\nCREATE TABLE a (id bigint);\n")
      let after = try await desk.report("status")
      #expect(after["pending"] == .bool(false) && after["drift"] == .bool(true))
      #expect(after["history_table"] == "public.adbvec_migrations")
      #expect(after["migrations"][0]["drift"][0]["code"] == "edited")
    }
  }

  @Test func `validate, render and lint speak of the files`() async throws {
    try await withDesk { desk in
      #expect(try await desk.report("validate") == ["files": 1])
      let file = try await desk.report("render")[0]
      #expect(file["version"] == "0001" && file["up"] == "CREATE TABLE a (id int);\n")
      #expect(file["down"] == "DROP TABLE a;\n" && file["parameters"] == [:])
      #expect(try await desk.report("lint") == [])
      try desk.write("0002_b.sql", "-- migrate:up\nSELECT 1;\n")
      let finding = try await desk.report("lint")[0]
      #expect(finding["code"] == "D013" && finding["severity"] == "note")
      #expect(finding["fix"] == .text("write one, or \"-- migrate:down irreversible\""))
    }
  }

  @Test func `baseline and repair list the versions`() async throws {
    try await withDesk { desk in
      #expect(try await desk.report("baseline", "0001") == ["command": "baseline", "versions": ["0001"]])
      let forgotten = try await desk.report("repair", "--mark-pending", "0001")
      #expect(forgotten == ["command": "repair", "versions": ["0001"]])
      let applied = try await desk.report("repair", "--mark-applied", "0001")
      #expect(applied == ["command": "repair", "versions": ["0001"]])
      #expect(try await desk.report("repair", "--bless") == ["command": "repair", "versions": []])
    }
  }

  @Test func `wait is ready and dump holds the SQL`() async throws {
    try await withDesk { desk in
      #expect(try await desk.report("wait") == ["ready": .bool(true)])
      _ = try await desk.report("up")
      let dump = try await desk.report("dump")["sql"].string
      #expect(
        dump.contains("CREATE TABLE public.a (") && dump.contains("INSERT INTO public.adbvec_migrations")
      )
      let file = desk.folder + "/dump.txt"
      #expect(try await desk.report("dump", "--output", file) == ["file": .text(file)])
      #expect(try String(contentsOfFile: file, encoding: .utf8) == dump)
    }
  }

  @Test func `A failure has code, place and SQLSTATE`() async throws {
    try await withDesk { desk in
      try desk.write("0002_b.sql", "-- migrate:up\nCREATE TABLE b (id itn);\n")
      let error = try await desk.report("up", exitCode: 1)[0]
      #expect(error["sqlstate"] == "42704")
      #expect(error["file"] == .text(desk.folder + "/0002_b.sql"))
      #expect(error["line"] == 2 && error["column"] == 20)
    }
  }
}

/// Any JSON value, to be compared with literals.
enum JSON: Decodable, Equatable, Sendable {
  case text(String), number(Double), bool(Bool), list([JSON]), object([String: JSON]), null

  init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    if container.decodeNil() {
      self = .null
    } else if let value = try? container.decode(Bool.self) {
      self = .bool(value)
    } else if let value = try? container.decode(Double.self) {
      self = .number(value)
    } else if let value = try? container.decode(String.self) {
      self = .text(value)
    } else if let value = try? container.decode([JSON].self) {
      self = .list(value)
    } else {
      self = .object(try container.decode([String: JSON].self))
    }
  }

  var array: [JSON] { if case .list(let values) = self { values } else { [] } }
  var string: String { if case .text(let value) = self { value } else { "" } }

  subscript(key: String) -> JSON {
    if case .object(let values) = self { values[key] ?? .null } else { .null }
  }
  subscript(index: Int) -> JSON { array.indices.contains(index) ? array[index] : .null }
}

extension JSON: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByArrayLiteral,
  ExpressibleByDictionaryLiteral
{
  init(stringLiteral value: String) { self = .text(value) }
  init(integerLiteral value: Int) { self = .number(Double(value)) }
  init(arrayLiteral elements: JSON...) { self = .list(elements) }
  init(dictionaryLiteral elements: (String, JSON)...) {
    self = .object(Dictionary(elements, uniquingKeysWith: { $1 }))
  }
}

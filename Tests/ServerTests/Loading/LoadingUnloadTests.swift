import Ingestion
import Foundation
import ImageSources
import PostgresClient
import Testing
import VectorSQL

/// What is unloaded loads back to the same rows.
@Suite(.serialized)
struct LoadingUnloadTests {
  @Test(
    arguments: [FeatureSource.Format.features, .csv, .jsonl, .npy, .fvecs],
    ["real[]", "vector(3)", "double precision[]"]
  )
  func everyFormatComesBack(format: FeatureSource.Format, type: String) async throws {
    try await ScratchSchema.with { connection, schema in
      let settings = try await ScratchSchema.settings()
      let target = try await LoadingTable.make(connection, schema, type: type)
      let labels = [
        "", "a\\nb\\", "\"quoted\"", "cat", "a|b,\"c\"", "'q'", "b'x'", "猫\u{1F408}", " ", "\\N",
        "line\nbreak",
      ]
      let carriesLabels = [.features, .csv, .jsonl].contains(format)
      for (id, label) in labels.enumerated() {
        let bound: SQLValue = carriesLabels ? .text(label) : .null
        try await connection.query(
          Statement(
            trusted: "INSERT INTO \(target.table.quoted) VALUES ($1, $2, $3::real[])",
            binds: [.int4(Int32(id)), bound, .float4Array([Float(id) / 3, -1e-30, 3.4e38])]
          )
        )
      }
      let before = try await LoadingTable.rows(connection, target)
      let folder = try TemporaryFile("", name: "rows.\(format)")
      try await connection.run(trusted: "INSERT INTO \(target.table.quoted) VALUES (-1, 'no vector', NULL)")
      let counts = try await Unloader(settings: settings, target: target).run {
        try FeatureOutput.open(folder.path, format: format)
      }
      #expect(counts.rows == labels.count && counts.withoutVector == 1)
      try await connection.run(trusted: "TRUNCATE \(target.table.quoted)")
      let source = FileBatchSource(FeatureSource(path: folder.path, format: format))
      _ = try await Loader(settings: settings, target: target).run(source)
      #expect(try await LoadingTable.rows(connection, target) == before)
    }
  }

  @Test(
    arguments: [FeatureSource.Format.features, .csv, .jsonl],
    [
      ("text", ["a", "b c", "é", "10", "9"]), ("text", ["x,\"y\"", "line\nend", "007", "'q'"]),
      ("text", ["", "a"]),
      ("uuid", ["0b5f3a52-6a4e-4cf5-9d7a-0d7c9a1e2f30", "ffffffff-ffff-4fff-bfff-ffffffffffff"]),
    ]
  )
  func idsThatAreTextsComeBack(format: FeatureSource.Format, ids: (type: String, texts: [String]))
    async throws
  {
    try await ScratchSchema.with { connection, schema in
      let settings = try await ScratchSchema.settings()
      let target = try await LoadingTable.make(connection, schema, type: "real[]")
      try await connection.run(
        trusted: "ALTER TABLE \(target.table.quoted) ALTER id TYPE \(ids.type) USING NULL::\(ids.type)"
      )
      for id in ids.texts {
        try await connection.query(
          Statement(
            trusted: "INSERT INTO \(target.table.quoted) VALUES ($1::text::\(ids.type), 'c', '{1,2}')",
            binds: [.text(id)]
          )
        )
      }
      let before = try await LoadingTable.rows(connection, target)
      let file = try TemporaryFile("", name: "rows.\(format)")
      let unloader = Unloader(settings: settings, target: target)
      if format == .features, let odd = ids.texts.first(where: { $0.isEmpty || $0.contains("\n") }) {
        let error = await #expect(throws: CollectionError.self) {
          try await unloader.run { try FeatureOutput.open(file.path, format: format) }
        }
        let problem = odd.isEmpty ? "that is empty. Fix: write .csv" : "with a line end"
        #expect(error?.reason.hasPrefix("the format features holds no id \(problem)") == true)
        return
      }
      _ = try await unloader.run { try FeatureOutput.open(file.path, format: format) }
      try await connection.run(trusted: "TRUNCATE \(target.table.quoted)")
      _ = try await Loader(settings: settings, target: target)
        .run(FileBatchSource(FeatureSource(path: file.path, format: format)))
      #expect(try await LoadingTable.rows(connection, target) == before)
      let alone = try TemporaryFile("", name: "rows.npy")
      let error = await #expect(throws: CollectionError.self) {
        try await unloader.run { try FeatureOutput.open(alone.path, format: .npy) }
      }
      #expect(
        error?.reason
          == "it holds vectors alone, and the ids of the table are texts. Fix: write .csv or .jsonl"
      )
    }
  }

  /// The id is sent as text, and rows are still those of a table in the order of its numbers.
  @Test func rowsComeInTheOrderOfTheirNumbers() async throws {
    try await ScratchSchema.with { connection, schema in
      let target = try await LoadingTable.make(connection, schema, type: "real[]")
      try await connection.run(
        trusted:
          "INSERT INTO \(target.table.quoted) VALUES (10, 'c', '{1}'), (9, 'c', '{2}'), (-1, 'c', '{3}')"
      )
      let file = try TemporaryFile("", name: "rows.txt")
      _ = try await Unloader(settings: try await ScratchSchema.settings(), target: target).run {
        try FeatureOutput.open(file.path, format: .features)
      }
      #expect(
        try String(contentsOfFile: file.path, encoding: .utf8) == "-1|c|{3}\n9|c|{2}\n10|c|{1}\n"
      )
    }
  }

  @Test(arguments: ["real[]", "double precision[]"])
  func anElementThatIsNullIsNamedWithItsRow(type: String) async throws {
    try await ScratchSchema.with { connection, schema in
      let settings = try await ScratchSchema.settings()
      let target = try await LoadingTable.make(connection, schema, type: type)
      try await connection.run(
        trusted: "INSERT INTO \(target.table.quoted) VALUES (1, 'a', '{1,2}'), (7, 'b', '{1,2,NULL}')"
      )
      let file = try TemporaryFile("", name: "rows.csv")
      let error = await #expect(throws: LoadError.self) {
        try await Unloader(settings: settings, target: target).run {
          try FeatureOutput.open(file.path, format: .csv)
        }
      }
      #expect(
        error?.description
          == "the vector of id 7 has NULL at element 3, which a file cannot hold. Fix: give the element a value, or set "
          + "the row's vector to NULL: unload leaves rows without a vector out and counts them"
      )
    }
  }

  @Test func viewsAndTablesThatTakeNoRowsAreUnloaded() async throws {
    try await ScratchSchema.with { connection, schema in
      let settings = try await ScratchSchema.settings()
      let target = try await LoadingTable.make(connection, schema, type: "real[]")
      let view = QualifiedName(schema: try Identifier(validating: schema), name: "seen")
      try await connection.run(
        trusted: """
          ALTER TABLE \(target.table.quoted) ADD COLUMN tenant integer NOT NULL;
          INSERT INTO \(target.table.quoted) VALUES (1, 'a', '{1,2}', 7);
          CREATE VIEW \(view.quoted) AS SELECT * FROM \(target.table.quoted)
          """
      )
      for table in [target.table, view] {
        let file = try TemporaryFile("", name: "rows.csv")
        let counts = try await Unloader(settings: settings, target: LoadTarget(table: table)).run {
          try FeatureOutput.open(file.path, format: .csv)
        }
        #expect(counts.rows == 1)
      }
    }
  }

  /// The tutorial reads its file with COPY: every class arrives, NULL and the empty text apart.
  @Test func theTutorialsCOPYReadsWhatIsUnloaded() async throws {
    try await ScratchSchema.with { connection, schema in
      let settings = try await ScratchSchema.settings()
      let target = try await LoadingTable.make(connection, schema, type: "real[]")
      let labels: [String?] = [
        nil, "", "a|b", "\\N", "back\\slash", "line\nbreak", "\"quoted\"", "'q'", "b'x'", "tab\t",
      ]
      for (id, label) in labels.enumerated() {
        try await connection.query(
          Statement(
            trusted: "INSERT INTO \(target.table.quoted) VALUES ($1, $2, '{1,2}')",
            binds: [.int4(Int32(id)), label.map { .text($0) } ?? .null]
          )
        )
      }
      let before = try await LoadingTable.rows(connection, target)
      let file = try TemporaryFile("", name: "rows.txt")
      _ = try await Unloader(settings: settings, target: target).run {
        try FeatureOutput.open(file.path, format: .features)
      }
      try await connection.run(trusted: "TRUNCATE \(target.table.quoted)")
      let content = try Data(contentsOf: URL(fileURLWithPath: file.path))
      let copy = Statement(
        trusted: "COPY \(target.table.quoted) (id, class, image_vector) FROM STDIN WITH (DELIMITER '|')"
      )
      try await connection.copyIn(copy) { stream in
        try content.withUnsafeBytes { try stream.write($0) }
      }
      #expect(try await LoadingTable.rows(connection, target) == before)
    }
  }
}

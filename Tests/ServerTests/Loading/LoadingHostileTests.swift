import Ingestion
import Foundation
import ImageSources
import PostgresClient
import Testing
import VectorSQL

/// Files that nobody would write on purpose: what they say arrives, or is refused before anything is written.
@Suite(.serialized)
struct LoadingHostileTests {
  /// Scalars of all seventeen planes, each plane's last ones among them; what a delimiter, a quote or a line end would
  /// do; a megabyte; a line of ten.
  static let labels: [String] = {
    var planes = "\u{1}\u{7F}\u{FEFF}\u{FFFD}\u{FFFF}"
    for plane in UInt32(0)...16 {
      for low in [UInt32(0x41), 0x1234, 0xFFFE, 0xFFFF] {
        if let scalar = Unicode.Scalar(plane << 16 | low) { planes.unicodeScalars.append(scalar) }
      }
    }
    return [
      planes, "a|b\"c\\d\n\r\n{1,2}", "\\N", "NULL", "'x'", " ", "e\u{301}", "\u{202E}abc",
      String(repeating: "🐈", count: 1 << 18), String(repeating: "x", count: 10_000_000),
    ]
  }()

  @Test(arguments: [LoadOptions.Method.copy, .insert])
  func labelsArriveByteByByte(method: LoadOptions.Method) async throws {
    try await ScratchSchema.with { connection, schema in
      let target = try await LoadingTable.make(connection, schema, type: "real[]")
      let lines = Self.labels.enumerated().map { id, label in
        "\(id)|\"\(label.replacing("\"", with: "\"\""))\"|{\(id),0.5}\n"
      }
      let file = try TemporaryFile(lines.joined())
      var options = LoadOptions()
      options.method = method
      let report = try await Loader(settings: ScratchSchema.settings(), target: target, options: options)
        .run(FileBatchSource(FeatureSource(path: file.path)))
      #expect(report.counts.loaded == Self.labels.count)
      let rows = try await connection.query(
        Statement(trusted: "SELECT id, class, image_vector FROM \(target.table.quoted) ORDER BY id")
      )
      for row in rows {
        let (id, label, vector) = try row.decode(Int.self, String.self, [Float].self)
        #expect(Array(label.utf8) == Array(Self.labels[id].utf8), "label \(id)")
        #expect(vector == [Float(id), 0.5])
      }
    }
  }

  @Test(arguments: [
    ("0|a|{1}\n1|b\0c|{2}\n", "NUL"), ("0|a|{1}\n1|b|{NaN}\n", "NaN or an infinity"),
    ("0|a|{1}\n1|b|{-Infinity}\n", "NaN or an infinity"), ("0|a|{1}\n99999999999|b|{2}\n", "integer"),
    ("0|a|{1}\n1|b|{2,3}\n", "features.txt:2: "), ("0|a|{1}\n1|b|{2", "features.txt:2: "),
    ("0|a|{1}\n1|\"b|{2}\n", "features.txt:2: "),
  ])
  func whatNoTableTakesIsRefusedBeforeTheFirstByte(text: String, reason: String) async throws {
    try await ScratchSchema.with { connection, schema in
      let target = try await LoadingTable.make(connection, schema, type: "real[]")
      let file = try TemporaryFile(text)
      let loader = Loader(settings: try await ScratchSchema.settings(), target: target)
      let refused = await #expect(throws: (any Error).self) {
        try await loader.run(FileBatchSource(FeatureSource(path: file.path)))
      }
      #expect(refused.map { "\($0)".contains(reason) && !($0 is LoadInterruption) } == true)
      #expect(try await tables(connection, schema) == ["image_search"])
      #expect(try await LoadingTable.rows(connection, target) == [])
    }
  }

  @Test func aDryRunFindsIDsThatComeTwiceAndWritesNothing() async throws {
    try await ScratchSchema.with { connection, schema in
      let target = try await LoadingTable.make(connection, schema, type: "real[]")
      var lines = (0..<500).map { "\($0)|a|{1}\n" }
      var options = LoadOptions()
      options.isDryRun = true
      let loader = Loader(settings: try await ScratchSchema.settings(), target: target, options: options)
      let good = try TemporaryFile(lines.joined())
      let report = try await loader.run(FileBatchSource(FeatureSource(path: good.path)))
      #expect(report.isDryRun && report.counts.loaded == 500)
      lines.append("7|again|{2}\n")
      let bad = try TemporaryFile(lines.joined())
      let refused = await #expect(throws: LoadError.self) {
        try await loader.run(FileBatchSource(FeatureSource(path: bad.path)))
      }
      #expect(refused?.description.contains("the id 7 comes twice") == true)
      #expect(try await tables(connection, schema) == ["image_search"])
      #expect(try await LoadingTable.rows(connection, target) == [])
    }
  }

  private func tables(_ connection: PostgresConnection, _ schema: String) async throws -> [String?] {
    try await connection.run(
      trusted: "SELECT tablename FROM pg_tables WHERE schemaname = '\(schema)' ORDER BY 1"
    )[0]
    .rows.map { $0[0] }
  }
}

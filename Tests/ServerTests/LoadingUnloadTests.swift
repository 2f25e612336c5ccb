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
      let labels = ["cat", "a|b,\"c\"", "'q'", "b'x'", "猫\u{1F408}", " ", "\\N", "line\nbreak"]
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
      let count = try await Unloader(settings: settings, target: target).run {
        try FeatureOutput.open(folder.path, format: format)
      }
      #expect(count == labels.count)
      try await connection.run(trusted: "TRUNCATE \(target.table.quoted)")
      let source = FileBatchSource(FeatureSource(path: folder.path, format: format))
      _ = try await Loader(settings: settings, target: target).run(source)
      #expect(try await LoadingTable.rows(connection, target) == before)
    }
  }
}

import Foundation
import ImageCodecs
import ImageSources
import Inference
import MetricLearning
import Testing
import TestSupport

/// Learning a projection, using it everywhere, and measuring what it brings: real images, real server.
@Suite(.serialized, .enabled(if: Environment.hasData, "../shared/data is not there"))
struct LearningCommandTests {
  private static let cifar = Environment.data + "/cifar-100-binary"
  private static let settings = [
    "ADBVEC_MIGRATIONS": Environment.package + "/migrations", "ADBVEC_FEATURE": "rmac:3",
    "ADBVEC_WEIGHTS": Environment.data + "/weights/squeezenet1_1-onnxzoo.safetensors",
  ]

  /// As the command does: the last bits of a product depend on how many threads share it.
  init() { OpenBLAS.useThreads(1) }

  private func run(_ arguments: [String], _ more: [String: String] = [:]) async throws -> Finished {
    try await Program.run(Program.adbvec, arguments, environment: Self.settings.merging(more) { $1 })
  }

  private func succeed(_ arguments: [String], _ more: [String: String] = [:]) async throws -> String {
    let finished = try await run(arguments, more)
    #expect(finished.exitCode == 0, "\(arguments): \(finished.error)")
    return finished.output
  }

  /// One line, nothing on standard output.
  private func expectRefusal(
    _ arguments: [String],
    naming words: String...,
    exitCode: Int32 = 1,
    settings: [String: String] = [:],
    sourceLocation: SourceLocation = #_sourceLocation
  ) async throws {
    let finished = try await run(arguments, settings)
    #expect(finished.exitCode == exitCode, "\(finished.error)", sourceLocation: sourceLocation)
    #expect(finished.output.isEmpty, sourceLocation: sourceLocation)
    if exitCode != 64 {
      // Two recipes stand side by side below the line that says so.
      let errors = finished.errorLines.filter { $0.hasPrefix("error: ") }
      #expect(errors.count == 1, "\(finished.error)", sourceLocation: sourceLocation)
    }
    for word in words {
      #expect(finished.error.contains(word), "\(finished.error)", sourceLocation: sourceLocation)
    }
  }

  private struct Comparison: Decodable {
    struct Result: Decodable {
      struct Row: Decodable {
        let setting: String
        let dimension: Int
        let queries: Int
        let measures: [String: Double]
      }
      let best: String
      let settings: [Row]
    }
    let schema: Int
    let command: String
    let result: Result
  }

  /// The same image gives the same bits, however many are worked on at once and beside whichever others.
  @Test(arguments: ["logits", "rmac:3"])
  func workersChangeNoBit(feature: String) async throws {
    try await withTemporaryFolder { folder in
      let records = try Data(contentsOf: URL(fileURLWithPath: Self.cifar + "/test.bin"))
      var files: [Data] = []
      for (workers, count) in [(1, 40), (2, 40), (5, 60)] {
        let images = folder + "/\(count).bin"
        let file = "\(folder)/\(workers).npy"
        try records.prefix(count * 3074).write(to: URL(fileURLWithPath: images))
        _ = try await succeed([
          "embed", images, "--feature", feature, "--workers", "\(workers)", "-o", file,
        ])
        files.append(try Data(contentsOf: URL(fileURLWithPath: file)))
      }
      #expect(files[0] == files[1])
      // Behind the header, which names the number of rows.
      #expect(files[2].dropFirst(128).starts(with: files[0].dropFirst(128)))
    }
  }

  /// The whole way: learn, load, search, evaluate, with what was learned from 600 images.
  @Test func aLearnedProjectionServesEveryCommand() async throws {
    try await withTemporaryFolder { folder in
      let file = folder + "/lda.safetensors"
      let fit = try await succeed([
        "projection", "fit", Self.cifar + "/train.bin", "--sample", "600", "--dimensions", "32", "-o", file,
      ])
      #expect(fit.contains("512 dimensions to 32") && fit.contains("method: discriminant"))
      let learned = try Projection(contentsOfFile: file)
      #expect(learned.provenance["feature"] == "rmac:3" && learned.provenance["model"] == "squeezenet1_1")
      #expect(learned.provenance["samples"] == "600" && learned.provenance["weights"]?.isEmpty == false)
      #expect(try await succeed(["projection", "show", file]) == fit)
      try await searchesAgree(file, learned)
      try await refusals(file, folder)
    }
  }

  /// The same vectors in the table, in a search by image, in the SQL and here.
  private func searchesAgree(_ file: String, _ learned: Projection) async throws {
    let collection = try CIFARCollection(path: Self.cifar + "/test.bin")
    let extractor = try FeatureModel(
      architecture: nil,
      weights: Self.settings["ADBVEC_WEIGHTS"] ?? "",
      feature: .rmac(levels: 3),
      projection: learned
    ).makeExtractor()
    let wanted = try extractor.features(of: collection.image(at: 7))
    try await TestServer.withDatabase { database in
      let table = ["DATABASE_URL": database.url, "ADBVEC_PROJECTION": file]
      _ = try await succeed(["migrate", "up", "--set", "dim=32"], table)
      _ = try await succeed(["embed-load", Self.cifar + "/test.bin", "--limit", "60"], table)
      let stored = try await Program.psql(
        "SELECT array_to_string(image_vector::real[], ',') FROM image_search WHERE id = 7",
        on: database
      )
      #expect(stored.output.split(separator: ",").compactMap { Float($0.filter { $0 != "\n" }) } == wanted)
      try await withTemporaryFolder { folder in
        let image = folder + "/seven.png"
        try Data(try collection.image(at: 7).pngData()).write(to: URL(fileURLWithPath: image))
        let hits = try await succeed(["search", "--image", image, "-k", "1", "--format", "csv"], table)
        #expect(hits.split(separator: "\n").last?.hasPrefix("7,") == true || hits.contains("\n7,"), "\(hits)")
        let sql = try await succeed(["sql", "query", "--image", image, "-k", "1"], table)
        #expect(try await Program.psql(sql, on: database).output.hasPrefix("7|"))
        try await aLoadGoesOnWithItsOwnProjection(table, folder)
      }
    }
  }

  /// New folders are decoded fast and turned upright; rows made otherwise stay together with their like.
  @Test func aTableSaysHowItsImagesAreDecoded() async throws {
    let photograph = try Image(contentsOfFile: Environment.data + "/reference/set1/astronaut.png").enlarged(4)
    // EXIF behind the first marker: orientation 6.
    let exif: [UInt8] =
      [0xFF, 0xE1, 0, 34] + Array("Exif\0\0MM".utf8)
      + [0, 42, 0, 0, 0, 8, 0, 1, 1, 18, 0, 3, 0, 0, 0, 1, 0, 6, 0, 0, 0, 0, 0, 0]
    @Sendable func write(_ path: String, quality: Int) throws {
      var file = try photograph.jpegData(quality: quality)
      file.insert(contentsOf: exif, at: 2)
      try Data(file).write(to: URL(fileURLWithPath: path))
    }
    try await withTemporaryFolder { folder in
      let (image, second) = (folder + "/photograph.jpg", folder + "/second.jpg")
      try write(image, quality: 85)
      try await TestServer.withDatabase { database in
        let table = ["DATABASE_URL": database.url]
        func distance(_ image: String) async throws -> Double? {
          let text = try await succeed(["search", "--image", image, "-k", "1", "--format", "json"], table)
          let found = try #require(text.firstMatch(of: #/"distance"\s*:\s*([0-9.e-]+)/#))
          return Double(found.1)
        }
        _ = try await succeed(["migrate", "up", "--set", "dim=512"], table)
        _ = try await succeed(["embed-load", folder], table)
        let recipe = try await Program.psql("SELECT recipe FROM adbvec_recipe", on: database).output
        #expect(recipe.contains(#""decode":"fast""#) && recipe.contains(#""exif":"yes""#), "\(recipe)")
        #expect(recipe.contains(#""icc":"yes""#))
        #expect(try #require(try await distance(image)) < 1e-4)
        try await expectRefusal(
          ["search", "--image", image, "--decode", "exact"],
          naming: "--decode fast",
          settings: table
        )
        try await expectRefusal(
          ["search", "--image", image, "--no-icc"],
          naming: "--icc",
          settings: table
        )
        // As an earlier version recorded it.
        _ = try await Program.psql(
          #"UPDATE adbvec_recipe SET recipe = replace(replace(replace(recipe, '"decode":"fast",', ''), '"exif":"yes"', '"exif":"no"'), '"icc":"yes",', '')"#,
          on: database
        )
        #expect(try #require(try await distance(image)) > 1e-3)
        // A new image of the same folder is decoded like the others now.
        try write(second, quality: 86)
        _ = try await succeed(["embed-load", folder], table)
        #expect(try #require(try await distance(second)) < 1e-4)
        try await expectRefusal(
          ["embed-load", folder, "--restart", "--decode", "fast"],
          naming: "use --decode exact",
          settings: table
        )
      }
    }
  }

  @Test func aProjectionIsLearnedFromTheVectorsOfATable() async throws {
    try await TestServer.withDatabase { database in
      let table = ["DATABASE_URL": database.url]
      _ = try await succeed(["migrate", "up", "--set", "dim=512"], table)
      _ = try await succeed(["embed-load", Self.cifar + "/test.bin", "--limit", "60"], table)
      try await withTemporaryFolder { folder in
        let file = folder + "/pca.safetensors"
        let fit = ["projection", "fit", "--from-table", "--method", "pca", "--dimensions", "32", "-o", file]
        let fitted = try await run(fit, table)
        #expect(fitted.exitCode == 0 && !fitted.error.contains("classes"), "\(fitted.error)")
        let learned = try Projection(contentsOfFile: file)
        #expect(learned.inputs == 512 && learned.provenance["samples"] == "60")
        // Vectors of another feature than the one named are not what would be projected.
        try await expectRefusal(
          fit,
          naming: "made by another recipe",
          settings: table.merging(["ADBVEC_FEATURE": "logits"]) { $1 }
        )
      }
    }
  }

  /// Another projection of the same length is not what the load began with.
  private func aLoadGoesOnWithItsOwnProjection(_ table: [String: String], _ folder: String) async throws {
    let other = folder + "/other.safetensors"
    let fit = ["projection", "fit", Self.cifar + "/train.bin", "--sample", "60", "--dimensions", "32"]
    _ = try await succeed(fit + ["--method", "pca", "-o", other])
    let load = ["embed-load", Self.cifar + "/test.bin", "--limit", "80", "--resume"]
    try await expectRefusal(
      load,
      naming: "made by another recipe",
      settings: table.merging(["ADBVEC_PROJECTION": other]) { $1 }
    )
  }

  private func refusals(_ file: String, _ folder: String) async throws {
    let image = Environment.data + "/reference/set1/chelsea.png"
    let query = ["sql", "query", "--offline", "--image", image, "--projection"]
    try await expectRefusal(
      query + [file, "--feature", "pooled"],
      naming: "fitted for the feature rmac:3, not the feature pooled"
    )
    try await expectRefusal(
      query + [file, "--weights", Environment.data + "/weights/efficientnet-lite0-57934424.pth"],
      naming: "fitted for the model squeezenet1_1, not the model efficientnet_lite0"
    )
    try await expectRefusal(query + [image], naming: "chelsea.png")
    try await expectRefusal(query + [folder + "/none"], naming: folder + "/none")
    let target = ["-o", folder + "/new.safetensors"]
    try await expectRefusal(["projection", "fit"] + target, naming: "SOURCE", exitCode: 64)
    try await expectRefusal(
      ["projection", "fit", "--from-table", "--also-mirrored"] + target,
      naming: "images",
      exitCode: 64
    )
    try await expectRefusal(
      ["projection", "fit", Self.cifar + "/test.bin", "--sample", "20", "--dimensions", "600"] + target,
      naming: "512",
      "600"
    )
    #expect(!FileManager.default.fileExists(atPath: folder + "/new.safetensors"), "nothing is half-written")
  }

  @Test func settingsAreCompared() async throws {
    try await withTemporaryFolder { folder in
      let (file, plot) = (folder + "/lda.safetensors", folder + "/plot.png")
      let train = Self.cifar + "/train.bin"
      let said = try await run([
        "projection", "fit", train, "--sample", "500", "--dimensions", "64", "-o", file, "--quiet",
      ])
      #expect(said.exitCode == 0 && said.output.isEmpty && said.error.isEmpty, "\(said)")
      let words = [
        "evaluate", train, "--sample", "500", "--queries", Self.cifar + "/test.bin", "--plot", plot,
        "--recall-at", "1,5",
        "--setting", "name=plain feature=rmac:3", "--setting", "name=learned projection=\(file)",
        "--setting", "name=logits feature=logits metric=l2",
      ]
      let output = try await succeed(words + ["--format", "json"])
      let comparison = try JSONDecoder.ofReports.decode(Comparison.self, from: Data(output.utf8))
      #expect(comparison.schema == 1 && comparison.command == "evaluate")
      let rows = comparison.result.settings
      #expect(
        rows.map(\.setting) == ["plain", "learned", "logits"] && rows.map(\.dimension) == [512, 64, 1000]
      )
      #expect(rows.allSatisfy { $0.queries > 400 && $0.measures.count == 10 })
      func mAP(_ row: Int) -> Double { rows[row].measures["mean_average_precision"] ?? 0 }
      #expect(comparison.result.best == "learned")
      #expect(mAP(1) > mAP(0) && mAP(0) > mAP(2), "learned beats unlearned beats the tutorial's")
      for row in rows {
        #expect(row.measures.values.allSatisfy { (0...1).contains($0) })
        #expect(row.measures["coarse_precision_at1", default: 0] > row.measures["precision_at1", default: 1])
        #expect(row.measures["recall_at5", default: 0] > row.measures["recall_at1", default: 1])
      }
      let drawn = try Image(contentsOfFile: plot)
      #expect(drawn.width == 960 && Set(drawn.rgb).count > 50)
    }
  }

  /// What the first version printed for these 500 images, before images were decoded in any other way.
  @Test func retrievalOfCIFARIsThatOfTheFirstVersion() async throws {
    let recorded = [
      [
        "mean_average_precision": 0.1110, "precision_at1": 0.112, "precision_at10": 0.0718,
        "recall_at10": 0.492,
      ],
      [
        "mean_average_precision": 0.1254, "precision_at1": 0.140, "precision_at10": 0.0748,
        "recall_at10": 0.490,
      ],
      [
        "mean_average_precision": 0.1367, "precision_at1": 0.146, "precision_at10": 0.0830,
        "recall_at10": 0.532,
      ],
    ]
    let settings = ["feature=logits metric=l2", "feature=pooled", "feature=rmac:3"].flatMap {
      ["--setting", $0]
    }
    for decoding in [[], ["--decode", "exact"]] {
      let output = try await succeed(
        ["evaluate", Self.cifar + "/test.bin", "--format", "json"] + settings + decoding
      )
      let comparison = try JSONDecoder.ofReports.decode(Comparison.self, from: Data(output.utf8))
      for (row, figures) in zip(comparison.result.settings, recorded) {
        for (measure, figure) in figures {
          let found = try #require(row.measures[measure])
          #expect((found * 10_000).rounded() == (figure * 10_000).rounded(), "\(row.setting) \(measure)")
        }
      }
      #expect(comparison.result.settings.count == recorded.count)
    }
  }

  @Test func comparisonsAreRefusedInOneLine() async throws {
    let train = Self.cifar + "/train.bin"
    try await expectRefusal(["evaluate", train, "--plot", "a.jpg"], naming: "a.jpg", ".png", exitCode: 64)
    try await expectRefusal(
      ["evaluate", train, "--plot", "/no/such/a.png"],
      naming: "--plot",
      "/no/such",
      exitCode: 64
    )
    try await expectRefusal(
      ["evaluate", train, "--setting", "colour=red"],
      naming: "colour=red",
      "feature=",
      exitCode: 64
    )
    try await expectRefusal(["evaluate", train, "--recall-at", "0"], naming: "--recall-at", exitCode: 64)
    try await expectRefusal(["evaluate", "/nowhere"], naming: "/nowhere")
    try await expectRefusal(
      ["evaluate", Environment.data + "/reference/set1"],
      naming: "no image has a class"
    )
  }

  /// A short comparison on the images of a folder, each against all others.
  @Test func aFolderIsComparedWithItself() async throws {
    try await withTemporaryFolder { folder in
      let collection = try CIFARCollection(path: Self.cifar + "/test.bin")
      for position in 0..<40 {
        let label = try collection.entry(at: position).label ?? ""
        let place = folder + "/" + (position % 2 == 0 ? "even" : "odd")
        try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
        try Data(try collection.image(at: position).pngData())
          .write(to: URL(fileURLWithPath: "\(place)/\(position) \(label).png"))
      }
      let table = try await succeed(["evaluate", folder, "--mirror", "--scales", "0.5,1"])
      #expect(table.split(separator: "\n").count == 3 && table.contains("rmac:3"))
      #expect(!table.contains("coarse"))
      let csv = try await succeed(["evaluate", folder, "--format", "csv", "--no-mirror"])
      #expect(
        csv.hasPrefix(
          "setting,dimension,metric,precisionAt1,precisionAt10,meanAveragePrecision,recallAt1,recallAt10\n"
        )
      )
    }
  }
}

import Checkpoints
import Foundation
import ImageCodecs
import Inference
import Synchronization

/// Measures what becomes of image files on their way to embeddings, and prints JSON.
///
///     ImagesBenchmark rate exact|fast MODEL WEIGHTS THREADS SECONDS FILE…
///     ImagesBenchmark compare MARGIN MODEL WEIGHTS FOLDER/FILE…
///     ImagesBenchmark hash FILE…
@main
struct ImagesBenchmark {
  static func main() throws {
    let arguments = Array(CommandLine.arguments.dropFirst())
    if arguments.first == "hash" { return try printHashes(of: arguments.dropFirst()) }
    guard arguments.count >= 5 else {
      print("see Benchmarks/images/README.md")
      return
    }
    let model = try FeatureModel(architecture: .named(arguments[2]), weights: arguments[3])
    if arguments[0] == "rate" {
      let options = Image.DecodingOptions(
        appliesOrientation: true,
        fidelity: arguments[1] == "fast" ? .fast : .exact,
        coverage: model.coverage
      )
      let files = try arguments[6...].map { try Data(contentsOf: URL(filePath: $0)) }
      let stages = try Stages.measure(
        model,
        options,
        files,
        threads: Int(arguments[4]) ?? 1,
        seconds: Double(arguments[5]) ?? 1
      )
      print(stages.json)
    } else {
      try Comparison.print(model, margin: Double(arguments[1]) ?? 0, files: Array(arguments[4...]))
    }
  }

  /// Perceptual hashes as a load takes them.
  private static func printHashes(of files: ArraySlice<String>) throws {
    var resampler = Resampler()
    let options = Image.DecodingOptions(
      appliesOrientation: true,
      fidelity: .fast,
      coverage: .init(side: 256)
    )
    for file in files {
      let image = try Image(contentsOfFile: file, options: options)
      print(String(PerceptualHash(image, &resampler).bits, radix: 16))
    }
  }
}

/// The seconds that several threads spent in each stage, and the images that they finished.
struct Stages {
  private var images = 0
  private var rate = 0.0
  private var decode = 0.0
  private var resize = 0.0
  private var network = 0.0

  var json: String {
    String(
      format: "{\"rate\": %.2f, \"decode_ms\": %.2f, \"resize_ms\": %.2f, \"network_ms\": %.2f}",
      rate,
      1000 * decode / Double(images),
      1000 * resize / Double(images),
      1000 * network / Double(images)
    )
  }

  static func measure(
    _ model: FeatureModel,
    _ options: Image.DecodingOptions,
    _ files: [Data],
    threads: Int,
    seconds: Double
  ) throws -> Stages {
    let total = Mutex((stages: Stages(), failure: (any Error)?.none))
    let group = DispatchGroup()
    for _ in 0..<threads {
      group.enter()
      Thread {
        defer { group.leave() }
        do {
          let found = try work(model, options, files, seconds)
          total.withLock { $0.stages.add(found) }
        } catch { total.withLock { $0.failure = error } }
      }.start()
    }
    group.wait()
    return try total.withLock {
      if let failure = $0.failure { throw failure }
      return $0.stages
    }
  }

  private mutating func add(_ other: Stages) {
    images += other.images
    rate += other.rate
    decode += other.decode
    resize += other.resize
    network += other.network
  }

  private static func work(
    _ model: FeatureModel,
    _ options: Image.DecodingOptions,
    _ files: [Data],
    _ seconds: Double
  ) throws -> Stages {
    let session = try model.network.makeSession(feature: model.feature)
    var preprocessor = try Preprocessor(model.preprocessing)
    var found = Stages()
    func time<Value>(_ sum: WritableKeyPath<Stages, Double>, _ body: () throws -> Value) rethrows -> Value {
      let start = DispatchTime.now().uptimeNanoseconds
      defer { found[keyPath: sum] += Double(DispatchTime.now().uptimeNanoseconds - start) * 1e-9 }
      return try body()
    }
    // The first round fills caches and is not counted.
    var start = Date()
    for round in 0... {
      for file in files {
        let image = try time(\.decode) { try Image(decoding: file, options: options) }
        let input = try time(\.resize) { try preprocessor.values(of: image) }
        _ = try time(\.network) { try session.features(ofInput: input) }
        found.images += 1
        if round > 0, Date().timeIntervalSince(start) >= seconds { break }
      }
      if round == 0 { (found, start) = (Stages(), Date()) }
      if Date().timeIntervalSince(start) >= seconds { break }
    }
    found.rate = Double(found.images) / Date().timeIntervalSince(start)
    return found
  }
}

/// How far embeddings of reduced images are from those of whole ones.
enum Comparison {
  /// Cosines, whether the nearest image is the same, and how often it is of the same class.
  ///
  /// - Parameter margin: in place of the decoder's own; 0 takes that.
  static func print(_ model: FeatureModel, margin: Double, files: [String]) throws {
    let extractor = try model.makeExtractor()
    let own = Image.DecodingOptions.reductionMargin
    let share = Double(model.preprocessing.crop) / Double(model.preprocessing.resize)
    let side = Double(model.preprocessing.resize) * (margin == 0 ? 1 : margin / own)
    var exact: [[Float]] = []
    var fast: [[Float]] = []
    for file in files {
      let data = try Data(contentsOf: URL(filePath: file))
      var options = Image.DecodingOptions(appliesOrientation: true)
      exact.append(try extractor.features(of: Image(decoding: data, options: options)))
      options.fidelity = .fast
      options.coverage = .init(side: Int(side), crop: Int(side * share))
      let image = try Image(decoding: data, options: options)
      fast.append(try extractor.features(of: image))
      FileHandle.standardError.write(
        Data(
          "\(file) \(image.width)x\(image.height) \(cosine(exact[exact.count - 1], fast[fast.count - 1]))\n"
            .utf8
        )
      )
    }
    let cosines = zip(exact, fast).map(cosine).sorted()
    let same = exact.indices.filter { nearest(exact, exact[$0], $0) == nearest(exact, fast[$0], $0) }.count
    // Images of one folder are of one class.
    let classes = files.map { String($0[..<($0.lastIndex(of: "/") ?? $0.startIndex)]) }
    func precision(_ rows: [[Float]], _ queries: [[Float]]) -> Double {
      let hits = rows.indices.filter { query in
        nearest(rows, queries[query], query).map { classes[$0] == classes[query] } ?? false
      }
      return Double(hits.count) / Double(max(rows.count, 1))
    }
    Swift.print(
      String(
        format: "{\"images\": %d, \"cosine_min\": %.6f, \"cosine_median\": %.6f, \"same_nearest\": %d, ",
        files.count,
        cosines.first ?? 0,
        cosines.isEmpty ? 0 : cosines[cosines.count / 2],
        same
      )
        + String(
          format: "\"p1_exact\": %.4f, \"p1_fast\": %.4f, \"p1_fast_in_exact\": %.4f}",
          precision(exact, exact),
          precision(fast, fast),
          precision(exact, fast)
        )
    )
  }

  private static func cosine(_ left: [Float], _ right: [Float]) -> Double {
    func dot(_ left: [Float], _ right: [Float]) -> Double {
      zip(left, right).reduce(0) { $0 + Double($1.0) * Double($1.1) }
    }
    return dot(left, right) / (dot(left, left) * dot(right, right)).squareRoot()
  }

  private static func nearest(_ all: [[Float]], _ query: [Float], _ excluded: Int) -> Int? {
    all.indices.filter { $0 != excluded }.max { cosine(all[$0], query) < cosine(all[$1], query) }
  }
}

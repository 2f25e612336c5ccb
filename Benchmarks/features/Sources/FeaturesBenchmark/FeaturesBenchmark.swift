import Checkpoints
import Foundation
import ImageCodecs
import Inference
import Synchronization

/// Measures one setting and prints images a second of wall time and of processor time, as JSON.
///
///     FeaturesBenchmark rate NET CHECKPOINT FEATURE THREADS BATCH SECONDS [KERNELS]
///     FeaturesBenchmark pipeline NET CHECKPOINT FEATURE THREADS SECONDS CIFAR.bin
///     FeaturesBenchmark profile NET CHECKPOINT FEATURE
@main
struct FeaturesBenchmark {
  static func main() throws {
    let arguments = Array(CommandLine.arguments.dropFirst())
    guard arguments.count >= 4 else {
      print("see Benchmarks/features/README.md")
      return
    }
    let wanted = arguments.count > 7 ? arguments[7] : ""
    let network = try Network(
      architecture: .named(arguments[1]),
      weights: Checkpoint(contentsOfFile: arguments[2]),
      kernels: KernelSet.available.first { $0.name == wanted } ?? .best
    )
    let feature = try FeatureKind(parsing: arguments[3])
    switch arguments[0] {
    case "profile": try Profile.print(network, feature)
    case "pipeline":
      let images = try CIFAR.images(arguments[6])
      let rate = try Rate.measure(threads: Int(arguments[4]) ?? 1, seconds: Double(arguments[5]) ?? 1) { _ in
        let session = try network.makeSession(feature: feature)
        var preprocessor = try Preprocessor(network.architecture.preprocessing)
        return {
          for image in images.prefix(100) {
            _ = try session.features(ofInput: preprocessor.values(of: image))
          }
          return 100
        }
      }
      print(rate.json)
    default:
      let batch = Int(arguments[5]) ?? 1
      let rate = try Rate.measure(threads: Int(arguments[4]) ?? 1, seconds: Double(arguments[6]) ?? 1) {
        thread in
        let session = try network.makeSession(feature: feature)
        let inputs = Noise.inputs(count: batch, side: session.inputSize, seed: thread)
        return {
          for input in inputs { _ = try session.features(ofInput: input) }
          return batch
        }
      }
      print(rate.json)
    }
  }
}

/// Work of several threads, each with its own session, over a span of time.
struct Rate {
  var wall: Double
  var processor: Double

  var json: String { String(format: "{\"wall\": %.2f, \"processor\": %.2f}", wall, processor) }

  static func measure(
    threads: Int,
    seconds: Double,
    _ make: @escaping @Sendable (Int) throws -> () throws -> Int
  ) throws -> Rate {
    let totals = Mutex((rate: 0.0, done: 0, processor: 0.0, failure: (any Error)?.none))
    let group = DispatchGroup()
    for thread in 0..<threads {
      group.enter()
      Thread {
        defer { group.leave() }
        do {
          let work = try make(thread)
          _ = try work()
          let (start, processor) = (Date(), threadSeconds())
          var done = 0
          while Date().timeIntervalSince(start) < seconds { done += try work() }
          let (wall, used) = (Date().timeIntervalSince(start), threadSeconds() - processor)
          totals.withLock {
            $0.rate += Double(done) / wall
            $0.done += done
            $0.processor += used
          }
        } catch { totals.withLock { $0.failure = error } }
      }.start()
    }
    group.wait()
    return try totals.withLock {
      if let failure = $0.failure { throw failure }
      return Rate(wall: $0.rate, processor: Double($0.done) / $0.processor)
    }
  }

  private static func threadSeconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
  }
}

/// Inputs of noise, so that no time goes into reading images.
enum Noise {
  static func inputs(count: Int, side: Int, seed: Int) -> [[Float]] {
    var state = UInt64(seed) &+ 1
    return (0..<count).map { _ in
      (0..<3 * side * side).map { _ in
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Float(state >> 40) / 4_194_304 - 2
      }
    }
  }
}

enum CIFAR {
  /// The images of a CIFAR-100 file: two labels, then a plane for each colour.
  static func images(_ path: String) throws -> [Image] {
    let bytes = [UInt8](try Data(contentsOf: URL(filePath: path)))
    return try (0..<bytes.count / 3074).map { record in
      let rgb = (0..<3072).map { bytes[record * 3074 + 2 + $0 % 3 * 1024 + $0 / 3] }
      return try Image(width: 32, height: 32, rgb: rgb)
    }
  }
}

enum Profile {
  /// The best time of each layer in forty runs.
  static func print(_ network: Network, _ feature: FeatureKind) throws {
    let session = try network.makeSession(feature: feature)
    let input = Noise.inputs(count: 1, side: session.inputSize, seed: 0)[0]
    var best = try session.profile(ofInput: input)
    for _ in 0..<40 {
      for (index, entry) in try session.profile(ofInput: input).enumerated()
      where entry.time < best[index].time {
        best[index] = entry
      }
    }
    let total = best.reduce(Duration.zero) { $0 + $1.time }
    for entry in best {
      let time = entry.time / .microseconds(1)
      Swift.print(String(format: "%8.0f us  %4.1f %%  ", time, 100 * (entry.time / total)) + entry.layer)
    }
    Swift.print(String(format: "%8.0f us  in all", total / .microseconds(1)))
    Swift.print("working memory \(session.memoryBytes >> 10) KiB")
  }
}

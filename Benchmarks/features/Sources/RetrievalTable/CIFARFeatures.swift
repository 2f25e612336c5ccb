import Checkpoints
import Foundation
import ImageCodecs
import Inference
import MetricLearning

/// Features of the CIFAR-100 pieces, kept in a folder if there is one.
struct CIFARFeatures {
  private struct Record {
    var coarse: Int
    var fine: Int
    var image: Image
  }

  private static let checkpoints = [
    "squeezenet1_1": "squeezenet1_1-onnxzoo.safetensors",
    "efficientnet_lite0": "efficientnet-lite0-57934424.pth",
  ]

  private let data: String
  private let cache: String?
  private let train: [Record]
  private let test: [Record]

  init(data: String, cache: String?) throws {
    self.data = data
    self.cache = cache
    train = try Self.records("\(data)/cifar-100-binary/train.bin")
    test = try Self.records("\(data)/cifar-100-binary/test.bin")
  }

  var coarse: (train: [Int], test: [Int]) { (train.map(\.coarse), test.map(\.coarse)) }

  func splits(
    _ net: String,
    _ kind: String,
    mirrored: Bool = false
  ) throws -> (train: LabelledVectors, test: LabelledVectors) {
    let name = "\(net)-\(kind)".replacingOccurrences(of: ":", with: "_")
    return (
      try vectors(train, "\(name)-train-\(mirrored)", net, kind, mirrored),
      try vectors(test, "\(name)-test-\(mirrored)", net, kind, mirrored)
    )
  }

  private func vectors(
    _ records: [Record],
    _ name: String,
    _ net: String,
    _ kind: String,
    _ mirrored: Bool
  ) throws -> LabelledVectors {
    let labels = records.map(\.fine)
    if let cache, let known = try? Data(contentsOf: URL(filePath: "\(cache)/\(name)")) {
      let values = known.withUnsafeBytes { Array($0.bindMemory(to: Float.self)) }
      return try LabelledVectors(
        dimensions: values.count / labels.count,
        values: values,
        labels: labels
      )
    }
    let checkpoint = try Checkpoint(contentsOfFile: "\(data)/weights/\(Self.checkpoints[net] ?? net)")
    let network = try Network(architecture: .named(net), weights: checkpoint)
    let session = try network.makeSession(feature: FeatureKind(parsing: kind))
    var preprocessor = try Preprocessor(network.architecture.preprocessing)
    let vectors = try records.map { record in
      let input = try preprocessor.values(of: record.image)
      return try session.features(ofInput: mirrored ? mirror(input, session.inputSize) : input)
    }
    let values = vectors.flatMap { $0 }
    if let cache { try values.withUnsafeBytes { try Data($0).write(to: URL(filePath: "\(cache)/\(name)")) } }
    return try LabelledVectors(vectors: vectors, labels: labels)
  }

  private func mirror(_ input: [Float], _ side: Int) -> [Float] {
    input.indices.map { input[$0 / side * side + side - 1 - $0 % side] }
  }

  private static func records(_ path: String) throws -> [Record] {
    let bytes = [UInt8](try Data(contentsOf: URL(filePath: path)))
    return try (0..<bytes.count / 3074).map { record in
      let start = record * 3074
      let rgb = (0..<3072).map { bytes[start + 2 + $0 % 3 * 1024 + $0 / 3] }
      let image = try Image(width: 32, height: 32, rgb: rgb)
      return Record(coarse: Int(bytes[start]), fine: Int(bytes[start + 1]), image: image)
    }
  }
}

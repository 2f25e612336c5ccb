import Checkpoints
import Inference

/// Weights that anyone can generate from a tensor's name, as the architectures' references were made with.
struct GeneratedWeights: TensorSource {
  let shapes: [String: [Int]]

  init(_ architecture: Architecture) {
    shapes = Dictionary(uniqueKeysWithValues: architecture.tensors.map { ($0.name, $0.shape) })
  }

  var names: [String] { Array(shapes.keys) }

  func shape(of name: String) throws -> [Int] {
    guard let shape = shapes[name] else { throw TensorError(.unknownName, name) }
    return shape
  }

  func tensor(named name: String) throws -> Tensor {
    let shape = try shape(of: name)
    let count = shape.reduce(1, *)
    let (scale, offset) = GeneratedWeights.scale(name, shape)
    var state: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in name.utf8 { state = (state ^ UInt64(byte)) &* 0x100_0000_01b3 }
    let values = [Float](unsafeUninitializedCapacity: count) { buffer, filled in
      for index in 0..<count {
        var z = state &+ UInt64(index + 1) &* 0x9E37_79B9_7F4A_7C15
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        z ^= z >> 31
        let r = 2 * Double(z >> 40) / 16_777_216 - 1
        buffer[index] = Float(offset + scale * r)
      }
      filled = count
    }
    return try Tensor(shape: shape, values: values)
  }

  /// Every value is offset + scale * r, with r between -1 and 1.
  private static func scale(_ name: String, _ shape: [Int]) -> (Double, Double) {
    let embeddings = ["pos_embedding", "pos_embed", "class_token", "cls_token"]
    if name.hasSuffix("running_mean") { return (0.1, 0) }
    if name.hasSuffix("running_var") { return (0.5, 1) }
    if embeddings.contains(where: name.hasSuffix) { return (0.02, 0) }
    if shape.count >= 2 {
      let fan = Double(shape.dropFirst().reduce(1, *))
      return ((3 / fan).squareRoot() * (shape.count == 4 ? 2.0.squareRoot() : 1), 0)
    }
    return name.hasSuffix("bias") ? (0.1, 0) : (0.1, 1)
  }
}

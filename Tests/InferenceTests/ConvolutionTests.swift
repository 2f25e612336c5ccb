import Checkpoints
import Testing

@testable import Inference

/// Every way of computing a convolution against the definition, on every instruction set.
struct ConvolutionTests {
  struct Layer: Sendable, CustomTestStringConvertible {
    var kernel: Int
    var stride: Int
    var padding: Padding
    var inputs: Int
    var outputs: Int
    var depthwise = false
    /// Whether a ReLU6 and, when sizes agree, the input's addition come behind it.
    var fused = false

    var testDescription: String { "\(kernel)x\(kernel)/\(stride) \(inputs)->\(outputs)" }
  }

  static let layers = [
    Layer(kernel: 1, stride: 1, padding: Padding(0), inputs: 19, outputs: 37),
    Layer(kernel: 1, stride: 2, padding: Padding(0), inputs: 16, outputs: 24),
    Layer(kernel: 1, stride: 1, padding: Padding(0), inputs: 24, outputs: 24, fused: true),
    Layer(kernel: 3, stride: 1, padding: Padding(1), inputs: 16, outputs: 33),
    Layer(kernel: 3, stride: 1, padding: Padding(1), inputs: 40, outputs: 40, fused: true),
    Layer(kernel: 3, stride: 2, padding: Padding(1), inputs: 12, outputs: 20),
    Layer(kernel: 7, stride: 2, padding: Padding(3), inputs: 3, outputs: 10),
    Layer(kernel: 3, stride: 1, padding: Padding(1), inputs: 40, outputs: 40, depthwise: true, fused: true),
    Layer(
      kernel: 3,
      stride: 2,
      padding: Padding(before: 0, after: 1),
      inputs: 21,
      outputs: 21,
      depthwise: true
    ),
    Layer(kernel: 5, stride: 1, padding: Padding(2), inputs: 33, outputs: 33, depthwise: true),
    Layer(
      kernel: 5,
      stride: 2,
      padding: Padding(before: 1, after: 2),
      inputs: 8,
      outputs: 8,
      depthwise: true
    ),
  ]

  @Test(arguments: KernelSet.available.map(\.name), layers)
  func agreesWithTheDefinition(kernels: String, layer: Layer) throws {
    let (side, first) = (18, layer.inputs)
    // A 1x1 convolution in front brings the image to the wanted number of channels.
    let architecture = Architecture(name: "tiny", classifier: "none") { net in
      let x = net.convolution("front", net.input, first, Window(kernel: 1))
      let y = net.convolution(
        "layer",
        x,
        layer.outputs,
        Window(kernel: layer.kernel, stride: layer.stride, padding: layer.padding),
        depthwise: layer.depthwise
      )
      guard layer.fused else { return Graph.Outputs(map: y, logits: y) }
      let z = layer.depthwise ? net.relu6("end", y) : net.relu6("end", net.add("sum", y, x))
      return Graph.Outputs(map: z, logits: z)
    }
    let weights = GeneratedWeights(architecture)
    let chosen = try #require(KernelSet.available.first { $0.name == kernels })
    let network = try Network(architecture: architecture, weights: weights, kernels: chosen)
    let input = (0..<3 * side * side).map { Float(($0 * 7919) % 1009) / 200 - 2.5 }
    func values(_ name: String) throws -> [Float] {
      try network.makeSession(feature: .layer(name), inputSize: side).features(ofInput: input)
    }
    let front = try values("front")
    var expected = try convolved(front, side: side, layer, weights)
    if layer.fused {
      let plus = layer.depthwise ? [Float](repeating: 0, count: expected.count) : front
      expected = zip(expected, plus).map { min(max($0 + $1, 0), 6) }
    }
    #expect(relativeDifference(try values(layer.fused ? "end" : "layer"), expected) < 2e-5)
  }

  private func convolved(
    _ map: [Float],
    side: Int,
    _ layer: Layer,
    _ weights: GeneratedWeights
  ) throws -> [Float] {
    let filters = try weights.tensor(named: "layer.weight").values
    let bias = try weights.tensor(named: "layer.bias").values
    let (kernel, padding) = (layer.kernel, layer.padding)
    let height = (side + padding.top + padding.bottom - kernel) / layer.stride + 1
    let inputs = layer.depthwise ? 1 : layer.inputs
    return (0..<layer.outputs * height * height).map { index in
      let (output, y, x) = (index / height / height, index / height % height, index % height)
      var sum = Double(bias[output])
      for input in 0..<inputs {
        let channel = layer.depthwise ? output : input
        for tap in 0..<kernel * kernel {
          let row = y * layer.stride - padding.top + tap / kernel
          let column = x * layer.stride - padding.left + tap % kernel
          guard (0..<side).contains(row), (0..<side).contains(column) else { continue }
          let weight = filters[(output * inputs + input) * kernel * kernel + tap]
          sum += Double(weight * map[(channel * side + row) * side + column])
        }
      }
      return Float(sum)
    }
  }
}

/// A network as a list of nodes, each after those that it reads.
struct Graph: Sendable {
  /// The number of a node and of the value it makes.
  typealias Value = Int

  struct Parameter: Sendable, Hashable {
    var name: String
    var shape: [Int]
  }

  struct Node: Sendable, Hashable {
    /// The layer's name in the checkpoint and for `layer:NAME`.
    var name: String
    var operation: Operation
    var inputs: [Value]
    /// The tensors it takes, in the operation's order.
    var parameters: [Parameter]
    /// The epsilon of a batch norm that was folded into this convolution.
    var foldedEpsilon: Float?
  }

  /// The values that features are made of.
  struct Outputs: Sendable, Hashable {
    /// The last map before global pooling, or the patch tokens after the last norm.
    var map: Value
    /// The class token after the last norm, where there is one.
    var classToken: Value?
    var logits: Value

    /// What is there without the last layer.
    var body: [Value] { [map] + (classToken.map { [$0] } ?? []) }
  }

  var nodes: [Node]
  var outputs: Outputs

  /// The sizes of all values for a square input image.
  ///
  /// - Throws: `NetworkError` with code `inputSize` when the image is too small for a layer or does not fit
  ///   an embedding.
  func extents(inputSize: Int) throws -> [Extent] {
    var extents: [Extent] = []
    for node in nodes {
      let inputs = node.inputs.map { extents[$0] }
      let extent = node.extent(of: inputs, inputSize: inputSize)
      guard extent.count > 0, fits(node, extent) else {
        throw NetworkError(
          .inputSize,
          "an input of \(inputSize)x\(inputSize) pixels does not fit layer \"\(node.name)\"; "
            + "use the architecture's own size"
        )
      }
      extents.append(extent)
    }
    return extents
  }

  private func fits(_ node: Node, _ extent: Extent) -> Bool {
    guard case .tokens = node.operation else { return true }
    return node.parameters.last.map { $0.shape == [1, extent.width, extent.channels] } ?? false
  }
}

extension Graph.Node {
  func extent(of inputs: [Extent], inputSize: Int) -> Extent {
    guard let first = inputs.first else { return .map(height: inputSize, width: inputSize, channels: 3) }
    var extent = first
    switch operation {
    case .input, .batchNorm, .layerNorm, .activation, .addition: break
    case .convolution(let convolution):
      extent = convolution.window.output(of: first, channels: convolution.outputs)
    case .linear(let outputs): extent.channels = outputs
    case .maxPool(let window, let ceiling):
      extent = window.output(of: first, channels: first.channels, ceiling: ceiling)
    case .adaptiveAverage(let side): (extent.height, extent.width) = (side, side)
    case .globalAverage: extent = .vector(first.channels)
    case .concatenation: extent.channels = inputs.reduce(0) { $0 + $1.channels }
    case .flatten: extent = .vector(first.count)
    case .tokens: extent = .tokens(first.pixels + 1, channels: first.channels)
    case .attention: extent.channels = first.channels / 3
    case .classToken: extent = .vector(first.channels)
    case .patches:
      let side = Int(Double(first.width - 1).squareRoot().rounded())
      extent = .map(height: side, width: side, channels: first.channels)
    }
    return extent
  }
}

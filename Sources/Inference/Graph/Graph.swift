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
  func shapes(inputSize: Int) throws -> [Shape] {
    var shapes: [Shape] = []
    for node in nodes {
      let inputs = node.inputs.map { shapes[$0] }
      let shape = node.shape(of: inputs, inputSize: inputSize)
      guard shape.count > 0, fits(node, shape) else {
        throw NetworkError(
          .inputSize,
          "an input of \(inputSize)x\(inputSize) pixels does not fit layer \"\(node.name)\"; "
            + "use the architecture's own size"
        )
      }
      shapes.append(shape)
    }
    return shapes
  }

  private func fits(_ node: Node, _ shape: Shape) -> Bool {
    guard case .tokens = node.operation else { return true }
    return node.parameters.last.map { $0.shape == [1, shape.width, shape.channels] } ?? false
  }
}

extension Graph.Node {
  func shape(of inputs: [Shape], inputSize: Int) -> Shape {
    guard let first = inputs.first else { return .map(height: inputSize, width: inputSize, channels: 3) }
    var shape = first
    switch operation {
    case .input, .batchNorm, .layerNorm, .activation, .addition: break
    case .convolution(let convolution):
      shape = convolution.window.output(of: first, channels: convolution.outputs)
    case .linear(let outputs): shape.channels = outputs
    case .maxPool(let window, let ceiling):
      shape = window.output(of: first, channels: first.channels, ceiling: ceiling)
    case .adaptiveAverage(let side): (shape.height, shape.width) = (side, side)
    case .globalAverage: shape = .vector(first.channels)
    case .concatenation: shape.channels = inputs.reduce(0) { $0 + $1.channels }
    case .flatten: shape = .vector(first.count)
    case .tokens: shape = .tokens(first.pixels + 1, channels: first.channels)
    case .attention: shape.channels = first.channels / 3
    case .classToken: shape = .vector(first.channels)
    case .patches:
      let side = Int(Double(first.width - 1).squareRoot().rounded())
      shape = .map(height: side, width: side, channels: first.channels)
    }
    return shape
  }
}

extension Graph {
  /// How often each value is read.
  var readCounts: [Int] {
    var counts = [Int](repeating: 0, count: nodes.count)
    for node in nodes {
      for input in node.inputs { counts[input] += 1 }
    }
    return counts
  }

  /// The same graph with every batch norm made part of the convolution that it follows.
  ///  The node of the norm becomes the convolution, with the tensors of both; the convolution's own node is
  /// read by nobody any more.
  func foldingBatchNorms() -> Graph {
    var folded = self
    let counts = readCounts
    for (index, node) in nodes.enumerated() {
      guard case .batchNorm(let epsilon) = node.operation, let source = node.inputs.first, counts[source] == 1
      else { continue }
      let convolution = nodes[source]
      guard case .convolution = convolution.operation else { continue }
      folded.nodes[index].operation = convolution.operation
      folded.nodes[index].inputs = convolution.inputs
      folded.nodes[index].parameters = convolution.parameters + node.parameters
      folded.nodes[index].foldedEpsilon = epsilon
      folded.nodes[source].name = ""
    }
    return folded
  }

  /// The nodes that the given values depend on, themselves among them.
  func needed(for values: [Value]) -> Set<Value> {
    var needed = Set<Value>()
    var open = values
    while let value = open.popLast() {
      guard needed.insert(value).inserted else { continue }
      open.append(contentsOf: nodes[value].inputs)
    }
    return needed
  }
}

/// The size of a value in a network.
///  Values are stored pixel by pixel, the channels innermost; a sequence of tokens is one row of pixels, a
/// vector one pixel.
struct Shape: Sendable, Hashable {
  enum Layout: Sendable, Hashable { case map, tokens, vector }

  var layout: Layout
  var height: Int
  var width: Int
  var channels: Int

  static func map(height: Int, width: Int, channels: Int) -> Shape {
    Shape(layout: .map, height: height, width: width, channels: channels)
  }

  static func tokens(_ count: Int, channels: Int) -> Shape {
    Shape(layout: .tokens, height: 1, width: count, channels: channels)
  }

  static func vector(_ channels: Int) -> Shape {
    Shape(layout: .vector, height: 1, width: 1, channels: channels)
  }

  var pixels: Int { height * width }
  var count: Int { pixels * channels }
}

/// What a node of a network computes.
enum Operation: Sendable, Hashable {
  case input
  case convolution(Convolution)
  case batchNorm(epsilon: Float)
  case linear(outputs: Int)
  case layerNorm(epsilon: Float)
  case activation(Activation)
  case maxPool(Window, ceiling: Bool)
  case adaptiveAverage(side: Int)
  case globalAverage
  case concatenation
  case addition
  /// A map becomes a vector in channel, row, column order (the linear layer behind it takes the stored
  /// order).
  case flatten
  /// The class token in front of a map's pixels, plus the position embedding.
  case tokens
  /// Scaled dot-product attention of queries, keys and values that lie one behind the other in each token.
  case attention(heads: Int)
  /// The first token of a sequence.
  case classToken
  /// All tokens but the first, as a square map.
  case patches
}

enum Activation: Sendable, Hashable { case relu, relu6, gelu }

struct Padding: Sendable, Hashable {
  var top: Int
  var left: Int
  var bottom: Int
  var right: Int

  init(_ all: Int) { (top, left, bottom, right) = (all, all, all, all) }

  init(before: Int, after: Int) { (top, left, bottom, right) = (before, before, after, after) }
}

struct Window: Sendable, Hashable {
  var kernel: Int
  var stride = 1
  var padding = Padding(0)

  /// The number of positions along an axis.
  func positions(_ length: Int, before: Int, after: Int, ceiling: Bool = false) -> Int {
    let span = length + before + after - kernel
    guard span >= 0 else { return 0 }
    guard ceiling else { return span / stride + 1 }
    let rounded = (span + stride - 1) / stride + 1
    // The last window must start inside the map or its left padding.
    return (rounded - 1) * stride >= length + before ? rounded - 1 : rounded
  }

  func output(of input: Shape, channels: Int, ceiling: Bool = false) -> Shape {
    .map(
      height: positions(input.height, before: padding.top, after: padding.bottom, ceiling: ceiling),
      width: positions(input.width, before: padding.left, after: padding.right, ceiling: ceiling),
      channels: channels
    )
  }
}

struct Convolution: Sendable, Hashable {
  var outputs: Int
  var window: Window
  /// One filter a channel instead of filters over all channels.
  var depthwise = false
  var bias = true
}

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
  var stride: Int
  var padding: Padding

  /// The number of positions along an axis.
  func positions(_ length: Int, before: Int, after: Int, ceiling: Bool = false) -> Int {
    let span = length + before + after - kernel
    guard span >= 0 else { return 0 }
    guard ceiling else { return span / stride + 1 }
    let rounded = (span + stride - 1) / stride + 1
    // The last window must start inside the map or its left padding.
    return (rounded - 1) * stride >= length + before ? rounded - 1 : rounded
  }

  func output(of input: Extent, channels: Int, ceiling: Bool = false) -> Extent {
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

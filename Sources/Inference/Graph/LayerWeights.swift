internal import Checkpoints

/// A layer's tensors in the form that its step reads.
enum LayerWeights: Sendable {
  /// A linear layer, or a convolution as a matrix over its gathered window.
  case matrix(PackedMatrix)
  case winograd(WinogradWeights)
  /// Filters as kernel position by channel, and the bias.
  case depthwise(filters: FloatBuffer, bias: FloatBuffer)
  case norm(scale: FloatBuffer, shift: FloatBuffer)
  /// The class token and the position embedding.
  case tokens(classToken: FloatBuffer, positions: FloatBuffer)
}

/// Reads the tensors of a graph's layers and brings them into their steps' form.
struct WeightReader {
  let graph: Graph
  let source: any TensorSource
  let kernels: KernelSet
  let shapes: [Shape]

  /// Tiles below which Winograd's 36 matrices cost more to read than they save.
  private static let fewestTiles = 16

  func weights(of value: Graph.Value) throws -> LayerWeights? {
    let node = graph.nodes[value]
    switch node.operation {
    case .convolution(let convolution):
      return try weights(of: convolution, node, input: shapes[node.inputs[0]], output: shapes[value])
    case .linear(let outputs):
      return try linear(node, outputs)
    case .layerNorm:
      let (scale, shift) = (try read(node, 0), try read(node, 1))
      return .norm(scale: try FloatBuffer(scale), shift: try FloatBuffer(shift))
    case .tokens:
      let (token, positions) = (try read(node, 0), try read(node, 1))
      return .tokens(classToken: try FloatBuffer(token), positions: try FloatBuffer(positions))
    default: return nil
    }
  }

  private func read(_ node: Graph.Node, _ index: Int) throws -> [Float] {
    let name = node.parameters[index].name
    let values = try source.tensor(named: name).values
    guard values.allSatisfy(\.isFinite) else {
      throw NetworkError(
        .weights,
        "the tensor \(name) holds NaN or an infinity: the training failed; take other weights"
      )
    }
    return values
  }

  private func linear(_ node: Graph.Node, _ outputs: Int) throws -> LayerWeights {
    var values = try read(node, 0)
    let input = graph.nodes[node.inputs[0]]
    if input.operation == .flatten {
      // PyTorch flattens channel by channel, maps are stored pixel by pixel.
      values = transposed(values, outputs, shapes[input.inputs[0]])
    }
    let inputs = values.count / outputs
    let bias = try read(node, 1)
    return .matrix(
      try PackedMatrix(weights: values, outputs: outputs, inputs: inputs, bias: bias, kernels: kernels)
    )
  }

  /// Weights over channel, row, column in the order row, column, channel.
  private func transposed(_ values: [Float], _ outputs: Int, _ shape: Shape) -> [Float] {
    let (pixels, channels) = (shape.pixels, shape.channels)
    return [Float](unsafeUninitializedCapacity: values.count) { to, count in
      values.withUnsafeBufferPointer { from in
        for output in 0..<outputs {
          let base = output * pixels * channels
          for pixel in 0..<pixels {
            for channel in 0..<channels {
              to[base + pixel * channels + channel] = from[base + channel * pixels + pixel]
            }
          }
        }
      }
      count = values.count
    }
  }

  private func weights(
    of convolution: Convolution,
    _ node: Graph.Node,
    input: Shape,
    output: Shape
  ) throws -> LayerWeights {
    let (values, bias) = try folded(convolution, node)
    let (outputs, window) = (convolution.outputs, convolution.window)
    let taps = window.kernel * window.kernel
    if convolution.depthwise {
      let filters = transposed(
        values,
        1,
        .map(height: window.kernel, width: window.kernel, channels: outputs)
      )
      return .depthwise(filters: try FloatBuffer(filters), bias: try FloatBuffer(bias))
    }
    let tiles = (output.height + 3) / 4 * ((output.width + 3) / 4)
    if window.kernel == 3, window.stride == 1, input.channels >= 8, tiles >= WeightReader.fewestTiles,
      !kernels.usesBLAS
    {
      return .winograd(
        try WinogradWeights(
          weights: values,
          outputs: outputs,
          inputs: input.channels,
          bias: bias,
          kernels: kernels
        )
      )
    }
    let side = Shape.map(height: window.kernel, width: window.kernel, channels: input.channels)
    return .matrix(
      try PackedMatrix(
        weights: taps == 1 ? values : transposed(values, outputs, side),
        outputs: outputs,
        inputs: taps * input.channels,
        bias: bias,
        kernels: kernels
      )
    )
  }

  /// The weights and bias of a convolution with its batch norm, if any, multiplied in.
  private func folded(_ convolution: Convolution, _ node: Graph.Node) throws -> ([Float], [Float]) {
    var weights = try read(node, 0)
    let own = convolution.bias ? 1 : 0
    var bias = convolution.bias ? try read(node, 1) : [Float](repeating: 0, count: convolution.outputs)
    guard node.parameters.count > 1 + own, let epsilon = node.foldedEpsilon else { return (weights, bias) }
    let (gamma, beta) = (try read(node, 1 + own), try read(node, 2 + own))
    let (mean, variance) = (try read(node, 3 + own), try read(node, 4 + own))
    let length = weights.count / convolution.outputs
    for output in 0..<convolution.outputs {
      let scale = Double(gamma[output]) / (Double(variance[output]) + Double(epsilon)).squareRoot()
      bias[output] = Float(Double(bias[output] - mean[output]) * scale + Double(beta[output]))
      for index in output * length..<(output + 1) * length {
        weights[index] = Float(Double(weights[index]) * scale)
      }
    }
    return (weights, bias)
  }
}

extension Network {
  /// The steps of a group of layers: one for a band, otherwise those of its only layer.
  func steps(
    for group: [FusedLayer],
    views: [Graph.Value: TensorView],
    layout: ArenaLayout
  ) throws -> [any Step] {
    let steps = try group.flatMap { try self.steps(for: $0, views: views, layout: layout) }
    guard group.count > 1 else { return steps }
    guard steps.count == group.count, let producer = steps[0] as? any RowStep,
      let consumer = steps[1] as? any WindowStep
    else {
      throw NetworkError(.feature, "layer \"\(graph.nodes[group[0].node].name)\" does not run in bands")
    }
    let projection = steps.count > 2 ? steps[2] as? MatrixStep : nil
    let name = steps.map(\.name).joined(separator: "+")
    return [
      BandStep(
        name: name,
        producer: producer,
        consumer: consumer,
        projection: projection,
        kernels: kernels
      )
    ]
  }

  /// The steps of one layer; none when the memory of its input already holds the result.
  func steps(
    for layer: FusedLayer,
    views: [Graph.Value: TensorView],
    layout: ArenaLayout
  ) throws -> [any Step] {
    let node = graph.nodes[layer.node]
    func view(_ value: Graph.Value) throws -> TensorView {
      guard let view = views[value] else {
        throw NetworkError(.feature, "layer \"\(node.name)\" reads a value that has no view in the plan")
      }
      return view
    }
    guard node.operation != .input, !layout.isView(layer.node) else { return [] }
    let inputs = try node.inputs.map(view)
    let output = try view(layer.result)
    let residual = try layer.residual.map(view)
    switch node.operation {
    case .input, .flatten, .classToken, .patches: return []
    case .convolution(let convolution):
      return [try step(convolution, layer, inputs[0], output, residual)]
    case .linear:
      return [
        MatrixStep(
          name: node.name,
          matrix: try matrix(layer.node),
          input: inputs[0],
          output: output,
          residual: residual,
          activation: layer.activation
        )
      ]
    case .maxPool(let window, _):
      return [
        MaxPoolStep(name: node.name, window: window, input: inputs[0], output: output, kernels: kernels)
      ]
    case .globalAverage, .adaptiveAverage:
      return [AveragePoolStep(name: node.name, input: inputs[0], output: output, kernels: kernels)]
    case .addition:
      return [
        AddStep(
          name: node.name,
          inputs: inputs,
          output: output,
          activation: layer.activation,
          kernels: kernels
        )
      ]
    case .activation(let activation):
      return [
        ActivationStep(
          name: node.name,
          activation: activation,
          input: inputs[0],
          output: output,
          kernels: kernels
        )
      ]
    case .concatenation: return copies(node, inputs, output)
    case .layerNorm(let epsilon):
      guard case .norm(let scale, let shift)? = weights[layer.node] else { throw noWeights(node) }
      return [
        LayerNormStep(
          name: node.name,
          scale: scale,
          shift: shift,
          epsilon: epsilon,
          input: inputs[0],
          output: output,
          kernels: kernels
        )
      ]
    case .tokens:
      guard case .tokens(let token, let positions)? = weights[layer.node] else { throw noWeights(node) }
      return [
        TokensStep(
          name: node.name,
          classToken: token,
          positions: positions,
          input: inputs[0],
          output: output,
          kernels: kernels
        )
      ]
    case .attention(let heads):
      return [
        AttentionStep(name: node.name, heads: heads, input: inputs[0], output: output, kernels: kernels)
      ]
    case .batchNorm:
      throw NetworkError(.feature, "batch norm \"\(node.name)\" follows no convolution of its own")
    }
  }

  private func noWeights(_ node: Graph.Node) -> NetworkError {
    NetworkError(.weights, "layer \"\(node.name)\" has no weights")
  }

  private func matrix(_ value: Graph.Value) throws -> PackedMatrix {
    guard case .matrix(let matrix)? = weights[value] else { throw noWeights(graph.nodes[value]) }
    return matrix
  }

  private func step(
    _ convolution: Convolution,
    _ layer: FusedLayer,
    _ input: TensorView,
    _ output: TensorView,
    _ residual: TensorView?
  ) throws -> any Step {
    let name = graph.nodes[layer.node].name
    let window = convolution.window
    switch weights[layer.node] {
    case .depthwise(let filters, let bias)?:
      return DepthwiseStep(
        name: name,
        window: window,
        filters: filters,
        bias: bias,
        input: input,
        output: output,
        activation: layer.activation,
        kernels: kernels
      )
    case .winograd(let weights)?:
      return WinogradStep(
        name: name,
        weights: weights,
        padding: window.padding,
        input: input,
        output: output,
        residual: residual,
        activation: layer.activation,
        kernels: kernels
      )
    case .matrix(let matrix)? where window == Window(kernel: 1):
      return MatrixStep(
        name: name,
        matrix: matrix,
        input: input,
        output: output,
        residual: residual,
        activation: layer.activation
      )
    case .matrix(let matrix)? where residual == nil && isDirect(layer.node):
      return DirectStep(
        name: name,
        matrix: matrix,
        window: window,
        input: input,
        output: output,
        activation: layer.activation
      )
    case .matrix(let matrix)?:
      return Im2colStep(
        name: name,
        matrix: matrix,
        window: window,
        input: input,
        output: output,
        residual: residual,
        activation: layer.activation
      )
    default: throw noWeights(graph.nodes[layer.node])
    }
  }

  /// Copies for those inputs that were not computed in place.
  private func copies(_ node: Graph.Node, _ inputs: [TensorView], _ output: TensorView) -> [any Step] {
    var channel = 0
    var steps: [any Step] = []
    for input in inputs {
      var part = output
      part.shape.channels = input.shape.channels
      part.offset += channel
      if part.offset != input.offset || part.pixelStride != input.pixelStride {
        steps.append(
          ActivationStep(name: node.name, activation: nil, input: input, output: part, kernels: kernels)
        )
      }
      channel += input.shape.channels
    }
    return steps
  }
}

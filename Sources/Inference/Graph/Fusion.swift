/// A layer with what is applied to its result on the way out.
struct FusedLayer {
  /// The node that computes.
  var node: Graph.Value
  /// The value that comes out: the node's own, or that of the last node taken in.
  var result: Graph.Value
  /// A value of the result's size that is added before the activation.
  var residual: Graph.Value?
  var activation: Activation?
}

extension Graph {
  /// The needed nodes in order, with the additions and activations that only their layer feeds taken into it.
  func fusedLayers(for wanted: Value) -> [FusedLayer] {
    let needed = needed(for: [wanted])
    var readers: [Value: [Value]] = [:]
    for value in needed {
      for input in nodes[value].inputs { readers[input, default: []].append(value) }
    }
    /// The only reader of a value that need not be kept.
    func onlyReader(_ value: Value) -> Value? {
      guard value != wanted, let all = readers[value], all.count == 1 else { return nil }
      return all[0]
    }
    var taken = Set<Value>()
    var layers: [FusedLayer] = []
    for value in needed.sorted() where !taken.contains(value) {
      var layer = FusedLayer(node: value, result: value)
      if nodes[value].takesResidual, let next = onlyReader(layer.result), nodes[next].operation == .addition,
        let other = nodes[next].inputs.first(where: { $0 != value }), other < value
      {
        (layer.residual, layer.result) = (other, next)
        taken.insert(next)
      }
      if let next = onlyReader(layer.result), case .activation(let activation) = nodes[next].operation,
        nodes[value].takes(activation)
      {
        (layer.activation, layer.result) = (activation, next)
        taken.insert(next)
      }
      layers.append(layer)
    }
    return layers
  }
}

extension Graph.Node {
  fileprivate var takesResidual: Bool {
    switch operation {
    case .convolution(let convolution): !convolution.depthwise
    case .linear: true
    default: false
    }
  }

  fileprivate func takes(_ activation: Activation) -> Bool {
    switch operation {
    case .convolution, .addition: activation != .gelu
    case .linear: true
    default: false
    }
  }
}

extension Network {
  /// Floats above which a map is not worth writing out whole when it is used up at once.
  private static let largestMap = 160_000

  /// The layers in groups that one step runs: a wide map's maker, the depthwise convolution or pooling that
  /// alone reads it, and the 1x1 convolution that alone reads that; all other layers by themselves.
  func bands(_ layers: [FusedLayer], shapes: [Shape], wanted: Graph.Value) -> [[FusedLayer]] {
    var readers: [Graph.Value: [Int]] = [:]
    for (index, layer) in layers.enumerated() {
      for value in graph.nodes[layer.node].inputs + [layer.residual].compactMap({ $0 }) {
        readers[value, default: []].append(index)
      }
    }
    func onlyReader(_ layer: FusedLayer) -> Int? {
      guard layer.result != wanted, let all = readers[layer.result], all.count == 1 else { return nil }
      return all[0]
    }
    var groupOf: [Int: [Int]] = [:]
    var hidden = Set<Int>()
    for (index, layer) in layers.enumerated() where makesRows(layer) {
      guard shapes[layer.result].count > Network.largestMap, let second = onlyReader(layer),
        filtersRows(layers[second])
      else { continue }
      var group = [index, second]
      if let third = onlyReader(layers[second]), isPixelwise(layers[third]),
        layers[third].residual != layers[second].result, graph.nodes[layers[second].node].isDepthwise
      {
        group.append(third)
      }
      hidden.formUnion(group.dropLast())
      groupOf[group[group.count - 1]] = group
    }
    return layers.indices.filter { !hidden.contains($0) }.map { last in
      (groupOf[last] ?? [last]).map { layers[$0] }
    }
  }

  private func makesRows(_ layer: FusedLayer) -> Bool {
    guard layer.residual == nil, layer.activation != .gelu, case .matrix? = weights[layer.node] else {
      return false
    }
    return isPixelwise(layer) || isDirect(layer.node)
  }

  private func filtersRows(_ layer: FusedLayer) -> Bool {
    if case .maxPool = graph.nodes[layer.node].operation { return true }
    return graph.nodes[layer.node].isDepthwise
  }

  /// Whether a layer is a convolution of single pixels.
  func isPixelwise(_ layer: FusedLayer) -> Bool {
    guard case .convolution(let convolution) = graph.nodes[layer.node].operation else { return false }
    return !convolution.depthwise && convolution.window == Window(kernel: 1)
  }

  /// Whether a layer reads its windows in place: the first convolution, whose image is stored with its
  /// padding. Its rows overlap, which OpenBLAS does not allow.
  func isDirect(_ value: Graph.Value) -> Bool {
    guard case .matrix? = weights[value], graph.nodes[value].inputs == [graph.inputValue] else {
      return false
    }
    return graph.inputPadding != nil && !kernels.usesBLAS
  }
}

extension Graph {
  /// The padding of the only convolution that reads the image.
  var inputPadding: Padding? {
    let readers = nodes.filter { $0.inputs.contains(inputValue) && !$0.name.isEmpty }
    guard readers.count == 1, case .convolution(let convolution) = readers[0].operation else { return nil }
    return convolution.depthwise ? nil : convolution.window.padding
  }
}

extension Graph.Node {
  fileprivate var isDepthwise: Bool {
    guard case .convolution(let convolution) = operation else { return false }
    return convolution.depthwise
  }
}

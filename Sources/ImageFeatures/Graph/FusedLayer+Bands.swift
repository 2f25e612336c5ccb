extension Network {
  /// Floats above which a map is not worth writing out whole when it is used up at once.
  private static let largestMap = 160_000

  /// The layers in groups that one step runs: a wide map's maker, the depthwise convolution or pooling that
  /// alone reads it, and the 1x1 convolution that alone reads that; all other layers by themselves.
  func bands(_ layers: [FusedLayer], extents: [Extent], wanted: Graph.Value) -> [[FusedLayer]] {
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
      guard extents[layer.result].count > Network.largestMap, let second = onlyReader(layer),
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
    return !convolution.depthwise && convolution.window == Window(kernel: 1, stride: 1, padding: Padding(0))
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

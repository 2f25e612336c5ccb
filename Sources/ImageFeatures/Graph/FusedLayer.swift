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

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

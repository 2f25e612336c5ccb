/// The steps that lead from an image to one value, and where in an arena each value lies meanwhile.
struct Plan: Sendable {
  var steps: [any Step]
  /// The floats that all values together need, at their busiest.
  var arenaCount: Int
  /// The floats of working memory that the neediest step wants.
  var scratchCount: Int
  /// Where the image is put, as pixels of red, green and blue.
  var input: Place
  /// The zeros around the image, in pixels.
  var inputMargins: Padding
  /// Where the wanted value is found at the end.
  var output: Place
}

/// One piece of work on an arena, for one thread.
protocol Step: Sendable {
  /// The layer's name, for profiles.
  var name: String { get }

  /// The floats of working memory it wants.
  var scratchCount: Int { get }

  func run(_ arena: UnsafeMutablePointer<Float>, scratch: UnsafeMutablePointer<Float>)
}

extension Network {
  /// - Throws: `NetworkError` when the input size does not fit.
  func plan(for wanted: Graph.Value, inputSize: Int) throws -> Plan {
    let extents = try graph.extents(inputSize: inputSize)
    let layers = graph.fusedLayers(for: wanted)
    let groups = bands(layers, extents: extents, wanted: wanted)
    var storage = Storage(graph: graph, extents: extents, groups: groups)
    storage.keep(wanted)
    let places = storage.places()
    var steps: [any Step] = []
    for group in groups {
      steps.append(contentsOf: try self.steps(for: group, places: places.values, storage: storage))
    }
    guard let input = places.values[graph.inputValue], let output = places.values[wanted] else {
      throw NetworkError(.feature, "layer \"\(graph.nodes[wanted].name)\" has no place in the plan")
    }
    let scratch = steps.map(\.scratchCount).max() ?? 0
    return Plan(
      steps: steps,
      arenaCount: places.count,
      scratchCount: scratch,
      input: input,
      inputMargins: graph.inputPadding ?? Padding(0),
      output: output
    )
  }
}

extension Graph {
  var inputValue: Value { 0 }
}

internal import CFeatureKernels

/// The steps that lead from an image to one value, and where in an arena each value lies meanwhile.
struct Plan: Sendable {
  var steps: [any Step]
  /// The floats that all values together need, at their busiest.
  var arenaCount: Int
  /// The floats of working memory that the neediest step wants.
  var scratchCount: Int
  /// Where the image is put, as pixels of red, green and blue.
  var input: TensorView
  /// The zeros around the image, in pixels.
  var inputMargins: Padding
  /// Where the wanted value is found at the end.
  var output: TensorView
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
    let shapes = try graph.shapes(inputSize: inputSize)
    let layers = graph.fusedLayers(for: wanted)
    let groups = bands(layers, shapes: shapes, wanted: wanted)
    var layout = ArenaLayout(graph: graph, shapes: shapes, groups: groups)
    layout.keep(wanted)
    let views = layout.views()
    var steps: [any Step] = []
    for group in groups {
      steps.append(contentsOf: try self.steps(for: group, views: views.values, layout: layout))
    }
    guard let input = views.values[graph.inputValue], let output = views.values[wanted] else {
      throw NetworkError(.feature, "layer \"\(graph.nodes[wanted].name)\" has no view in the plan")
    }
    let scratch = steps.map(\.scratchCount).max() ?? 0
    return Plan(
      steps: steps,
      arenaCount: views.count,
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

/// Where a value lies in a session's arena.
struct TensorView: Sendable, Hashable {
  var shape: Shape
  /// Floats from the arena's start to the first pixel's first channel.
  var offset: Int
  /// Floats from one pixel to the next; more than the channels when the value is part of a wider one.
  var pixelStride: Int
  /// Floats from one row to the next; more than the pixels when the map has zeros around it.
  var rowStride: Int

  init(shape: Shape, offset: Int, pixelStride: Int, rowStride: Int? = nil) {
    self.shape = shape
    self.offset = offset
    self.pixelStride = pixelStride
    self.rowStride = rowStride ?? pixelStride * shape.width
  }

  var map: cfk_map {
    cfk_map(
      height: shape.height,
      width: shape.width,
      channels: shape.channels,
      pixel_stride: pixelStride,
      row_stride: rowStride
    )
  }
}

/// Where every value of a plan lies in the arena: aliases of other values share their memory, all others share
/// memory over time.
struct ArenaLayout {
  /// A value's position inside the value that owns its memory.
  private struct Alias {
    var owner: Graph.Value
    var offset: Int
    var pixelStride: Int
  }

  private struct LiveRange {
    var owner: Graph.Value
    var count: Int
    var first: Int
    var last: Int
    var offset = 0
  }

  private let graph: Graph
  private let shapes: [Shape]
  private let groups: [[FusedLayer]]
  private var aliases: [Graph.Value: Alias] = [:]
  private var kept = Set<Graph.Value>()

  init(graph: Graph, shapes: [Shape], groups: [[FusedLayer]]) {
    self.graph = graph
    self.shapes = shapes
    self.groups = groups
    let layers = groups.compactMap(\.last)
    let produced = Set(layers.map(\.result))
    for layer in layers.reversed() {
      shareConcatenation(layer.node, produced: produced)
    }
    for layer in layers { shareView(layer.node) }
  }

  /// Keeps a value to the end.
  mutating func keep(_ value: Graph.Value) { kept.insert(value) }

  /// Whether a value needs no step of its own, because its memory already holds it.
  func isView(_ value: Graph.Value) -> Bool {
    switch graph.nodes[value].operation {
    case .flatten, .classToken, .patches, .adaptiveAverage: aliases[value] != nil
    default: false
    }
  }

  /// The inputs of a concatenation are computed in place, as ranges of its channels.
  private mutating func shareConcatenation(_ value: Graph.Value, produced: Set<Graph.Value>) {
    guard graph.nodes[value].operation == .concatenation else { return }
    let whole = aliases[value] ?? Alias(owner: value, offset: 0, pixelStride: shapes[value].channels)
    var channel = 0
    for input in graph.nodes[value].inputs {
      if produced.contains(input), aliases[input] == nil, input != graph.inputValue, !isShared(input) {
        aliases[input] = Alias(
          owner: whole.owner,
          offset: whole.offset + channel,
          pixelStride: whole.pixelStride
        )
      }
      channel += shapes[input].channels
    }
  }

  /// Whether a value is by itself a view of its input, so that it cannot be put elsewhere.
  private func isShared(_ value: Graph.Value) -> Bool {
    switch graph.nodes[value].operation {
    case .flatten, .classToken, .patches, .adaptiveAverage: true
    default: false
    }
  }

  private mutating func shareView(_ value: Graph.Value) {
    let node = graph.nodes[value]
    guard let input = node.inputs.first else { return }
    let source = alias(of: input)
    switch node.operation {
    case .flatten where source.pixelStride == shapes[input].channels,
      .adaptiveAverage where shapes[input] == shapes[value]:
      aliases[value] = source
      if node.operation == .flatten { aliases[value]?.pixelStride = shapes[value].channels }
    case .classToken: aliases[value] = source
    case .patches:
      aliases[value] = Alias(
        owner: source.owner,
        offset: source.offset + source.pixelStride,
        pixelStride: source.pixelStride
      )
    default: break
    }
  }

  private func alias(of value: Graph.Value) -> Alias {
    aliases[value] ?? Alias(owner: value, offset: 0, pixelStride: shapes[value].channels)
  }

  /// The floats that a value takes up, with the zeros around the image.
  private func floats(of value: Graph.Value) -> Int {
    guard value == graph.inputValue, let padding = graph.inputPadding else { return shapes[value].count }
    let shape = shapes[value]
    return (shape.height + padding.top + padding.bottom) * (shape.width + padding.left + padding.right)
      * shape.channels
  }

  /// The image inside its margin of zeros.
  private func padded(_ view: TensorView) -> TensorView {
    guard let padding = graph.inputPadding else { return view }
    let pixel = view.pixelStride
    let row = (view.shape.width + padding.left + padding.right) * pixel
    let offset = view.offset + padding.top * row + padding.left * pixel
    return TensorView(shape: view.shape, offset: offset, pixelStride: pixel, rowStride: row)
  }

  /// All views, and the floats they need together.
  func views() -> (values: [Graph.Value: TensorView], count: Int) {
    let liveRanges = arranged(self.liveRanges())
    let offsets = Dictionary(uniqueKeysWithValues: liveRanges.map { ($0.owner, $0.offset) })
    var views: [Graph.Value: TensorView] = [:]
    for group in groups {
      for layer in group.dropLast() {
        // Never stored as a whole; its steps only ask for its size.
        let shape = shapes[layer.result]
        views[layer.result] = TensorView(shape: shape, offset: 0, pixelStride: shape.channels)
      }
      guard let result = group.last?.result else { continue }
      let alias = alias(of: result)
      guard let offset = offsets[alias.owner] else { continue }
      views[result] = TensorView(
        shape: shapes[result],
        offset: offset + alias.offset,
        pixelStride: alias.pixelStride
      )
    }
    views[graph.inputValue] = views[graph.inputValue].map(padded)
    return (views, liveRanges.map { $0.offset + $0.count }.max() ?? 0)
  }

  /// From which step to which each owner's memory is in use.
  private func liveRanges() -> [LiveRange] {
    var liveRanges: [Graph.Value: LiveRange] = [:]
    func touch(_ value: Graph.Value, at step: Int) {
      let owner = alias(of: value).owner
      let count = (floats(of: owner) + 15) / 16 * 16
      var range = liveRanges[owner] ?? LiveRange(owner: owner, count: count, first: step, last: step)
      range.last = max(range.last, step)
      liveRanges[owner] = range
    }
    for (step, group) in groups.enumerated() {
      let inside = group.dropLast().map(\.result)
      for layer in group {
        for input in graph.nodes[layer.node].inputs where !inside.contains(input) { touch(input, at: step) }
        if let residual = layer.residual { touch(residual, at: step) }
      }
      if let result = group.last?.result { touch(result, at: step) }
    }
    for value in kept { touch(value, at: groups.count) }
    return liveRanges.values.sorted { ($0.count, $1.owner) > ($1.count, $0.owner) }
  }

  /// Puts each live range, the largest first, at the lowest offset that is free all its time.
  private func arranged(_ liveRanges: [LiveRange]) -> [LiveRange] {
    var placed: [LiveRange] = []
    for var range in liveRanges {
      let neighbours = placed.filter { $0.first <= range.last && range.first <= $0.last }
      for other in neighbours.sorted(by: { $0.offset < $1.offset })
      where other.offset < range.offset + range.count && range.offset < other.offset + other.count {
        range.offset = other.offset + other.count
      }
      placed.append(range)
    }
    return placed
  }
}

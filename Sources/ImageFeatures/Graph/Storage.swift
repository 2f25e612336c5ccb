/// Gives every value of a plan its place: values that are views of others share theirs, the rest share memory
/// over time.
struct Storage {
  /// A value's position inside the value that owns its memory.
  private struct View {
    var owner: Graph.Value
    var offset: Int
    var pixelStride: Int
  }

  private struct Life {
    var owner: Graph.Value
    var count: Int
    var first: Int
    var last: Int
    var offset = 0
  }

  private let graph: Graph
  private let extents: [Extent]
  private let groups: [[FusedLayer]]
  private var views: [Graph.Value: View] = [:]
  private var kept = Set<Graph.Value>()

  init(graph: Graph, extents: [Extent], groups: [[FusedLayer]]) {
    self.graph = graph
    self.extents = extents
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

  /// Whether a value needs no step of its own, because its place already holds it.
  func isView(_ value: Graph.Value) -> Bool {
    switch graph.nodes[value].operation {
    case .flatten, .classToken, .patches, .adaptiveAverage: views[value] != nil
    default: false
    }
  }

  /// The inputs of a concatenation are computed in place, as ranges of its channels.
  private mutating func shareConcatenation(_ value: Graph.Value, produced: Set<Graph.Value>) {
    guard graph.nodes[value].operation == .concatenation else { return }
    let whole = views[value] ?? View(owner: value, offset: 0, pixelStride: extents[value].channels)
    var channel = 0
    for input in graph.nodes[value].inputs {
      if produced.contains(input), views[input] == nil, input != graph.inputValue, !isShared(input) {
        views[input] = View(
          owner: whole.owner,
          offset: whole.offset + channel,
          pixelStride: whole.pixelStride
        )
      }
      channel += extents[input].channels
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
    let source = view(of: input)
    switch node.operation {
    case .flatten where source.pixelStride == extents[input].channels,
      .adaptiveAverage where extents[input] == extents[value]:
      views[value] = source
      if node.operation == .flatten { views[value]?.pixelStride = extents[value].channels }
    case .classToken: views[value] = source
    case .patches:
      views[value] = View(
        owner: source.owner,
        offset: source.offset + source.pixelStride,
        pixelStride: source.pixelStride
      )
    default: break
    }
  }

  private func view(of value: Graph.Value) -> View {
    views[value] ?? View(owner: value, offset: 0, pixelStride: extents[value].channels)
  }

  /// The floats that a value takes up, with the zeros around the image.
  private func floats(of value: Graph.Value) -> Int {
    guard value == graph.inputValue, let padding = graph.inputPadding else { return extents[value].count }
    let extent = extents[value]
    return (extent.height + padding.top + padding.bottom) * (extent.width + padding.left + padding.right)
      * extent.channels
  }

  /// The image's place inside its zeros.
  private func padded(_ place: Place) -> Place {
    guard let padding = graph.inputPadding else { return place }
    let pixel = place.pixelStride
    let row = (place.extent.width + padding.left + padding.right) * pixel
    let offset = place.offset + padding.top * row + padding.left * pixel
    return Place(extent: place.extent, offset: offset, pixelStride: pixel, rowStride: row)
  }

  /// All places, and the floats they need together.
  func places() -> (values: [Graph.Value: Place], count: Int) {
    let lives = arranged(self.lives())
    let offsets = Dictionary(uniqueKeysWithValues: lives.map { ($0.owner, $0.offset) })
    var places: [Graph.Value: Place] = [:]
    for group in groups {
      for layer in group.dropLast() {
        // Never stored as a whole; its steps only ask for its size.
        let extent = extents[layer.result]
        places[layer.result] = Place(extent: extent, offset: 0, pixelStride: extent.channels)
      }
      guard let result = group.last?.result else { continue }
      let view = view(of: result)
      guard let offset = offsets[view.owner] else { continue }
      places[result] = Place(
        extent: extents[result],
        offset: offset + view.offset,
        pixelStride: view.pixelStride
      )
    }
    places[graph.inputValue] = places[graph.inputValue].map(padded)
    return (places, lives.map { $0.offset + $0.count }.max() ?? 0)
  }

  /// From which step to which each owner's memory is in use.
  private func lives() -> [Life] {
    var lives: [Graph.Value: Life] = [:]
    func touch(_ value: Graph.Value, at step: Int) {
      let owner = view(of: value).owner
      let count = (floats(of: owner) + 15) / 16 * 16
      var life = lives[owner] ?? Life(owner: owner, count: count, first: step, last: step)
      life.last = max(life.last, step)
      lives[owner] = life
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
    return lives.values.sorted { ($0.count, $1.owner) > ($1.count, $0.owner) }
  }

  /// Puts each life, the largest first, at the lowest offset that is free all its time.
  private func arranged(_ lives: [Life]) -> [Life] {
    var placed: [Life] = []
    for var life in lives {
      let neighbours = placed.filter { $0.first <= life.last && life.first <= $0.last }
      for other in neighbours.sorted(by: { $0.offset < $1.offset })
      where other.offset < life.offset + life.count && life.offset < other.offset + other.count {
        life.offset = other.offset + other.count
      }
      placed.append(life)
    }
    return placed
  }
}

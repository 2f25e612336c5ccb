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

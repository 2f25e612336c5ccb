/// Writes a network down layer by layer; every method adds one node and returns its value.
///  Parameter names follow PyTorch: a layer "features.0" has the tensors "features.0.weight" and
/// "features.0.bias".
struct GraphBuilder {
  /// The number of classes of the last layer.
  let classes: Int

  /// The image.
  let input: Graph.Value = 0

  /// The side of the input that static paddings are computed for, in pixels.
  let inputSize: Int

  private(set) var nodes: [Graph.Node]
  private var shapes: [Shape]

  init(inputSize: Int, classes: Int) {
    self.classes = classes
    self.inputSize = inputSize
    let image = Graph.Node(name: "input", operation: .input, inputs: [], parameters: [])
    nodes = [image]
    shapes = [image.shape(of: [], inputSize: inputSize)]
  }

  func shape(of value: Graph.Value) -> Shape { shapes[value] }

  mutating func append(
    _ name: String,
    _ operation: Operation,
    _ inputs: [Graph.Value],
    parameters: [Graph.Parameter] = []
  ) -> Graph.Value {
    let node = Graph.Node(name: name, operation: operation, inputs: inputs, parameters: parameters)
    shapes.append(node.shape(of: inputs.map { shapes[$0] }, inputSize: inputSize))
    nodes.append(node)
    return nodes.count - 1
  }

  mutating func convolution(
    _ name: String,
    _ x: Graph.Value,
    _ outputs: Int,
    _ window: Window,
    depthwise: Bool = false,
    bias: Bool = true
  ) -> Graph.Value {
    let inputs = depthwise ? 1 : shapes[x].channels
    let shape = [outputs, inputs, window.kernel, window.kernel]
    var parameters = [Graph.Parameter(name: name + ".weight", shape: shape)]
    if bias { parameters.append(Graph.Parameter(name: name + ".bias", shape: [outputs])) }
    let convolution = Convolution(outputs: outputs, window: window, depthwise: depthwise, bias: bias)
    return append(name, .convolution(convolution), [x], parameters: parameters)
  }

  mutating func batchNorm(_ name: String, _ x: Graph.Value, epsilon: Float = 1e-5) -> Graph.Value {
    let shape = [shapes[x].channels]
    let parameters = ["weight", "bias", "running_mean", "running_var"].map {
      Graph.Parameter(name: "\(name).\($0)", shape: shape)
    }
    return append(name, .batchNorm(epsilon: epsilon), [x], parameters: parameters)
  }

  mutating func linear(_ name: String, _ x: Graph.Value, _ outputs: Int) -> Graph.Value {
    linear(name, x, outputs, weight: name + ".weight", bias: name + ".bias")
  }

  mutating func linear(
    _ name: String,
    _ x: Graph.Value,
    _ outputs: Int,
    weight: String,
    bias: String
  ) -> Graph.Value {
    let parameters = [
      Graph.Parameter(name: weight, shape: [outputs, shapes[x].channels]),
      Graph.Parameter(name: bias, shape: [outputs]),
    ]
    return append(name, .linear(outputs: outputs), [x], parameters: parameters)
  }

  mutating func layerNorm(_ name: String, _ x: Graph.Value, epsilon: Float = 1e-6) -> Graph.Value {
    let shape = [shapes[x].channels]
    let parameters = ["weight", "bias"].map { Graph.Parameter(name: "\(name).\($0)", shape: shape) }
    return append(name, .layerNorm(epsilon: epsilon), [x], parameters: parameters)
  }

  mutating func tokens(_ name: String, _ x: Graph.Value, classToken: String, positions: String) -> Graph.Value
  {
    let channels = shapes[x].channels
    let parameters = [
      Graph.Parameter(name: classToken, shape: [1, 1, channels]),
      Graph.Parameter(name: positions, shape: [1, shapes[x].pixels + 1, channels]),
    ]
    return append(name, .tokens, [x], parameters: parameters)
  }

  mutating func maxPool(
    _ name: String,
    _ x: Graph.Value,
    _ kernel: Int,
    stride: Int,
    padding: Int = 0,
    ceiling: Bool = false
  ) -> Graph.Value {
    let window = Window(kernel: kernel, stride: stride, padding: Padding(padding))
    return append(name, .maxPool(window, ceiling: ceiling), [x])
  }

  mutating func relu(_ name: String, _ x: Graph.Value) -> Graph.Value {
    append(name, .activation(.relu), [x])
  }

  mutating func relu6(_ name: String, _ x: Graph.Value) -> Graph.Value {
    append(name, .activation(.relu6), [x])
  }

  mutating func add(_ name: String, _ x: Graph.Value, _ y: Graph.Value) -> Graph.Value {
    append(name, .addition, [x, y])
  }

  mutating func concatenate(_ name: String, _ values: [Graph.Value]) -> Graph.Value {
    append(name, .concatenation, values)
  }

  mutating func globalAverage(_ name: String, _ x: Graph.Value) -> Graph.Value {
    append(name, .globalAverage, [x])
  }
}

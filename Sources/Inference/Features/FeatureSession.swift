internal import CFeatureKernels
internal import ImageCodecs
internal import MetricLearning

/// One thread's way of running a network for one feature: a plan and the memory it works in, allocated once.
///
/// Make one for each thread. The same input gives the same bits in every session of a network.
public final class FeatureSession {
  /// What it computes.
  public let feature: FeatureKind

  /// The side of the square input, in pixels.
  public let inputSize: Int

  /// Whether every feature is scaled to Euclidean length 1.
  public let normalises: Bool

  private let plan: Plan
  private let kernels: KernelSet
  private let memory: FloatBuffer

  init(
    plan: Plan,
    feature: FeatureKind,
    inputSize: Int,
    normalises: Bool,
    kernels: KernelSet
  ) throws {
    self.plan = plan
    self.feature = feature
    self.inputSize = inputSize
    self.normalises = normalises
    self.kernels = kernels
    memory = try FloatBuffer(count: plan.arenaCount + plan.scratchCount)
  }

  /// The number of values of a feature.
  public var dimensions: Int {
    if case .layer = feature { return plan.output.shape.count }
    return plan.output.shape.channels
  }

  /// The bytes of working memory.
  public var memoryBytes: Int { memory.count * MemoryLayout<Float>.stride }

  /// The feature of one image.
  ///
  /// - Parameter input: The image after preprocessing: red plane, green plane, blue plane, each row by row.
  /// - Throws: `NetworkError` with code `inputSize` when there are not 3 x size x size values.
  public func features(ofInput input: [Float]) throws -> [Float] {
    try input.withUnsafeBufferPointer { try features(ofInput: $0) }
  }

  /// The feature of one image; see `features(ofInput:)` for arrays.
  public func features(ofInput input: UnsafeBufferPointer<Float>) throws -> [Float] {
    let arena = try load(input)
    for step in plan.steps { step.run(arena, scratch: arena + plan.arenaCount) }
    var feature = result(MapPooling(view: plan.output, kernels: kernels, arena: arena))
    if normalises { VectorMath.normalise(&feature) }
    return feature
  }

  private func result(_ map: MapPooling) -> [Float] {
    switch feature {
    case .logits, .cls, .layer: return map.values()
    case .pooled: return map.mean()
    case .gem(let p): return map.generalisedMean(p: p)
    case .rmac(let levels): return map.regionalMaxima(levels: levels)
    case .probabilities:
      var values = map.values()
      kernels.table.softmax(1, values.count, &values, values.count, 1)
      return values
    }
  }

  /// Makes the padding around the image zero; other values have used the memory since the last one.
  private func clearMargins(_ arena: UnsafeMutablePointer<Float>) {
    let margins = plan.inputMargins
    guard margins != Padding(0) else { return }
    let (row, view) = (plan.input.rowStride, plan.input)
    let first = arena + view.offset - margins.top * row - margins.left * view.pixelStride
    first.update(repeating: 0, count: (margins.top + inputSize + margins.bottom) * row)
  }

  /// Puts an image into the arena, pixel by pixel.
  private func load(_ input: UnsafeBufferPointer<Float>) throws -> UnsafeMutablePointer<Float> {
    let pixels = inputSize * inputSize
    guard input.count == 3 * pixels, let from = input.baseAddress else {
      throw NetworkError(
        .inputSize,
        "the input has \(input.count) values, but 3 x \(inputSize) x \(inputSize) = \(3 * pixels) are needed"
      )
    }
    let arena = memory.start
    clearMargins(arena)
    for row in 0..<inputSize {
      let to = arena + plan.input.offset + row * plan.input.rowStride
      let from = from + row * inputSize
      for column in 0..<inputSize {
        to[3 * column] = from[column]
        to[3 * column + 1] = from[column + pixels]
        to[3 * column + 2] = from[column + 2 * pixels]
      }
    }
    return arena
  }

  /// Runs one image and reports how long each layer took.
  ///
  /// - Returns: Layer names with times, in the order of the layers.
  public func profile(ofInput input: [Float]) throws -> [(layer: String, time: Duration)] {
    let arena = try input.withUnsafeBufferPointer { try load($0) }
    let clock = ContinuousClock()
    return plan.steps.map { step in
      let time = clock.measure { step.run(arena, scratch: arena + plan.arenaCount) }
      return (step.name, time)
    }
  }
}

extension Network {
  /// Makes a session for one feature.
  ///
  /// - Parameters:
  ///   - feature: What to compute.
  ///   - inputSize: The side of the square input in pixels; the architecture's own when nil.
  ///   - normalised: Whether features are scaled to Euclidean length 1.
  /// - Throws: `NetworkError` with code `feature` when the network has no such feature, `inputSize` when the
  ///   size does not fit, `memory`.
  public func makeSession(
    feature: FeatureKind,
    inputSize: Int? = nil,
    normalised: Bool = false
  ) throws -> FeatureSession {
    let size = inputSize ?? architecture.inputSize
    let value = try value(of: feature)
    guard !isHeadless || graph.needed(for: graph.outputs.body).contains(value) else {
      throw NetworkError(
        .feature,
        "the weights have no \(architecture.classifier), which \(feature) needs; use pooled, gem or rmac"
      )
    }
    let plan = try plan(for: value, inputSize: size)
    return try FeatureSession(
      plan: plan,
      feature: feature,
      inputSize: size,
      normalises: normalised,
      kernels: kernels
    )
  }

  private func value(of feature: FeatureKind) throws -> Graph.Value {
    switch feature {
    case .logits, .probabilities: return graph.outputs.logits
    case .pooled, .gem, .rmac: return graph.outputs.map
    case .cls:
      guard let token = graph.outputs.classToken else {
        throw NetworkError(.feature, "\(architecture.name) has no class token; use pooled, gem or rmac")
      }
      return token
    case .layer(let name):
      if let value = graph.nodes.lastIndex(where: { $0.name == name }), value > 0 {
        // Flattening changes no value, and only the map knows PyTorch's order.
        return graph.nodes[value].operation == .flatten ? graph.nodes[value].inputs[0] : value
      }
      throw NetworkError(
        .feature,
        "\(architecture.name) has no layer \"\(name)\"; it has \(layerNames.joined(separator: ", "))"
      )
    }
  }
}

/// The copies of an image whose features are averaged: several sizes, and mirror images.
public struct TestTimeAugmentation: Sendable, Hashable {
  /// What is done with an image's mirror image.
  public enum Mirror: String, Sendable, Hashable, CaseIterable {
    /// Only the image itself counts.
    case none
    /// The image and its mirror image count alike.
    case averaged
    /// The mirror image stands in for the image, to learn from it as from one more image.
    case only
  }

  /// The sides of the network's input as multiples of its own; 1 is the usual size.
  public let scales: [Double]
  /// The use of mirror images.
  public let mirror: Mirror

  /// The image alone, as the network wants it.
  public static let one = TestTimeAugmentation(trustedScales: [1], mirror: .none)

  /// Copies of an image.
  ///
  /// - Throws: `NetworkError` with code `featureSyntax` for no scale, more than 8, a scale outside 0.25…4, or one named
  ///   twice.
  public init(scales: [Double] = [1], mirror: Mirror = .none) throws {
    guard (1...8).contains(scales.count), scales.allSatisfy({ (0.25...4).contains($0) }),
      Set(scales).count == scales.count
    else {
      let text = scales.map { String($0) }.joined(separator: ",")
      throw NetworkError(
        .featureSyntax,
        "\"\(text)\" are not scales: give 1 to 8 different numbers from 0.25 to 4, as in 0.7,1,1.4"
      )
    }
    self.init(trustedScales: scales, mirror: mirror)
  }

  /// Reads scales as they are written on the command line: `0.7,1,1.4`.
  ///
  /// - Throws: As `init(scales:mirror:)`.
  public init(parsing text: String, mirror: Mirror = .none) throws {
    let scales = text.split(separator: ",", omittingEmptySubsequences: false).map {
      Double($0.filter { $0 != " " }) ?? .nan
    }
    try self.init(scales: scales, mirror: mirror)
  }

  private init(trustedScales: [Double], mirror: Mirror) {
    scales = trustedScales
    self.mirror = mirror
  }

  /// Whether a feature is the mean of more than one.
  var isAverage: Bool { scales.count > 1 || mirror == .averaged }

  /// The network's preprocessing at one scale: resized and cropped to that many times the sides, rounded to whole pixels.
  static func scaled(_ preprocessing: Preprocessing, by scale: Double) -> Preprocessing {
    var scaled = preprocessing
    scaled.resize = Int((Double(preprocessing.resize) * scale).rounded())
    scaled.crop = Int((Double(preprocessing.crop) * scale).rounded())
    return scaled
  }

  /// Turns a network's input (channel, row, column) into its mirror image.
  static func mirror(_ input: UnsafeMutableBufferPointer<Float>, side: Int) {
    for row in stride(from: 0, to: input.count, by: side) {
      for column in 0..<side / 2 { input.swapAt(row + column, row + side - 1 - column) }
    }
  }
}

extension TestTimeAugmentation: CustomStringConvertible {
  /// The copies in a few words, empty for the image alone.
  public var description: String {
    var words: [String] = []
    if scales != [1] { words.append("scales:" + scales.map { String($0) }.joined(separator: ",")) }
    if mirror != .none { words.append("mirror:\(mirror.rawValue)") }
    return words.joined(separator: " ")
  }
}

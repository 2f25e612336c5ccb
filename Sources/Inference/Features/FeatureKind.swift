/// What a network's feature vector is made of.
public enum FeatureKind: Sendable, Hashable {
  /// The output of the last layer, one value a class.
  case logits
  /// The softmax of the logits.
  case probabilities
  /// The mean of the last map over its views; for transformers, of the patch tokens.
  case pooled
  /// Generalised-mean pooling of the last map: (mean of max(x, 1e-6)^p)^(1/p).
  case gem(p: Float)
  /// Regional maximum activations of the last map over regions of a number of sizes, normalised, summed,
  /// normalised.
  case rmac(levels: Int)
  /// The class token after the last norm.
  case cls
  /// A layer's output in PyTorch's order: channel, row, column for maps.
  case layer(String)

  /// Reads a feature as it is written on the command line: `logits`, `probabilities`, `pooled`, `gem` or
  /// `gem:P`, `rmac` or `rmac:LEVELS`, `cls`, `layer:NAME`.
  ///
  /// - Throws: `NetworkError` with code `featureSyntax`.
  public init(parsing text: String) throws {
    let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
    let argument = parts.count == 2 ? parts[1] : nil
    switch (parts[0], argument) {
    case ("logits", nil): self = .logits
    case ("probabilities", nil): self = .probabilities
    case ("pooled", nil): self = .pooled
    case ("cls", nil): self = .cls
    case ("gem", nil): self = .gem(p: 3)
    case ("rmac", nil): self = .rmac(levels: 3)
    case ("gem", .some(let power)):
      guard let p = Float(power), p.isFinite, p > 0, p <= 100 else {
        throw FeatureKind.syntax(text, "gem's power is a number above 0 and at most 100")
      }
      self = .gem(p: p)
    case ("rmac", .some(let count)):
      guard let levels = Int(count), (1...8).contains(levels) else {
        throw FeatureKind.syntax(text, "rmac's levels are a whole number from 1 to 8")
      }
      self = .rmac(levels: levels)
    case ("layer", .some(let name)) where !name.isEmpty: self = .layer(name)
    default:
      throw FeatureKind.syntax(
        text,
        "use logits, probabilities, pooled, gem:P, rmac:LEVELS, cls or layer:NAME"
      )
    }
  }

  private static func syntax(_ text: String, _ advice: String) -> NetworkError {
    NetworkError(.featureSyntax, "\"\(text)\" is not a feature: \(advice)")
  }
}

extension FeatureKind: CustomStringConvertible {
  /// The feature as `init(parsing:)` reads it.
  public var description: String {
    switch self {
    case .logits: "logits"
    case .probabilities: "probabilities"
    case .pooled: "pooled"
    case .gem(let p): "gem:\(p)"
    case .rmac(let levels): "rmac:\(levels)"
    case .cls: "cls"
    case .layer(let name): "layer:\(name)"
    }
  }
}

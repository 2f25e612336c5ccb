import ArgumentParser
import Foundation
import ImageFeatures

/// Options of commands that turn pictures into vectors.
struct FeatureOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "The network, such as squeezenet1_1; without it the one that the weights fit.",
      valueName: "name"
    )
  )
  var model: String?

  @Option(help: ArgumentHelp("The checkpoint, .safetensors or .pth.", valueName: "file"))
  var weights: String?

  @Option(
    help: ArgumentHelp(
      "logits, probabilities, pooled, gem[:P], rmac[:LEVELS], cls or layer:NAME.",
      valueName: "kind"
    )
  )
  var feature: String?

  @Flag(help: "Scale vectors to length 1.")
  var normalise = false

  @OptionGroup var decoding: DecodingArguments

  /// The flags as settings.
  var flags: [Setting: String?] {
    [.model: model, .weights: weights, .feature: feature]
  }

  /// Loads the model in force.
  func load(_ settings: Settings) throws -> FeatureModel {
    try FeatureModel(
      architecture: try settings[.model].map { try Architecture.named($0.text) },
      weights: try Self.weights(settings),
      feature: try FeatureKind(parsing: try settings.text(.feature)),
      normalised: normalise
    )
  }

  /// The checkpoint that was set, else the one that `scripts/bootstrap` fetched.
  private static func weights(_ settings: Settings) throws -> String {
    if let value = settings[.weights] { return value.text }
    let file = "/weights/efficientnet-lite0-57934424.pth"
    let caches = CacheFolders.candidates(settings.environment)
    let model = settings[.model]?.text ?? "efficientnet_lite0"
    if model == "efficientnet_lite0",
      let found = caches.map({ $0 + file }).first(where: FileManager.default.isReadableFile)
    {
      return found
    }
    throw CommandFailure(
      "no weights for \(model): give --weights FILE (.safetensors or .pth), or run scripts/bootstrap for "
        + "efficientnet_lite0's",
      exitCode: 64
    )
  }
}

/// Where `scripts/bootstrap` keeps what it fetched.
enum CacheFolders {
  static func candidates(_ environment: [String: String]) -> [String] {
    var folders = ["/var/cache/adbvec"]
    if let home = environment["HOME"] { folders.insert(home + "/.cache/adbvec", at: 0) }
    if let cache = environment["XDG_CACHE_HOME"] { folders.insert(cache + "/adbvec", at: 0) }
    if let cache = environment["ADBVEC_CACHE"] { folders.insert(cache, at: 0) }
    return folders
  }
}

internal import Basics
internal import Checkpoints
internal import FoundationEssentials
internal import Glibc
internal import ImageCodecs

/// Which architecture a checkpoint's tensors belong to, where among its names they lie, and how images are
/// preprocessed for it.
struct WeightFit {
  let architecture: Architecture
  /// The tensors under the architecture's own names.
  let source: any TensorSource
  /// The names of tensors beside the network, such as those of a loss or a second network.
  let outside: [String]
  let preprocessing: Preprocessing

  private struct Candidate {
    let architecture: Architecture
    let prefix: String
    let share: Double
  }

  /// - Parameter architecture: nil finds it.
  /// - Throws: `NetworkError` with code `unknownArchitecture` when fewer than half of any architecture's tensors are there,
  ///   or when the tensors fit several that preprocess images differently and nothing says which one it is.
  init(_ checkpoint: Checkpoint, file: String, architecture: Architecture?) throws {
    let config = try TimmConfig(beside: file)
    let candidates = (architecture.map { [$0] } ?? Architecture.all).map { Self.candidate($0, checkpoint) }
    let chosen: Candidate
    if architecture != nil {
      chosen = candidates[0]
    } else {
      chosen = try Self.choose(candidates, checkpoint, file, config)
    }
    self.architecture = chosen.architecture
    let fits = config?.architecture.map { $0 == chosen.architecture.name } ?? false
    preprocessing =
      try fits
      ? config?.preprocessing(chosen.architecture) ?? chosen.architecture.preprocessing
      : chosen.architecture.preprocessing
    source = chosen.prefix.isEmpty ? checkpoint : TensorSubtree(base: checkpoint, prefix: chosen.prefix)
    outside = chosen.prefix.isEmpty ? [] : checkpoint.names.filter { !$0.hasPrefix(chosen.prefix) }
  }

  private static func choose(
    _ candidates: [Candidate],
    _ checkpoint: Checkpoint,
    _ file: String,
    _ config: TimmConfig?
  ) throws -> Candidate {
    guard let best = candidates.map(\.share).max(), best >= 0.5 else {
      throw NetworkError(
        .unknownArchitecture,
        "\(file): the tensors are not those of a known architecture. Fix: name it with --model"
      )
    }
    let equals = candidates.filter { $0.share == best }
    if let named = equals.first(where: { $0.architecture.name == config?.architecture }) { return named }
    guard Set(equals.map(\.architecture.preprocessing)).count > 1 else { return equals[0] }
    if let known = try published(equals, file) { return known }
    let names = equals.map { "\($0.architecture.name) (\($0.architecture.preprocessing))" }
    throw NetworkError(
      .unknownArchitecture,
      "\(file): the tensors fit \(names.joined(separator: " and ")), which preprocess images differently. "
        + "Fix: name one with --model, or put the model's config.json beside the weights"
    )
  }

  /// The candidate whose published file this is.
  private static func published(_ candidates: [Candidate], _ file: String) throws -> Candidate? {
    let known = KnownModel.all.filter { model in
      candidates.contains { $0.architecture.name == model.architecture }
    }
    guard !known.isEmpty else { return nil }
    let digest = try ModelStore.sha256(ofFile: file)
    guard let model = known.first(where: { digest.hasPrefix($0.sha256) }) else { return nil }
    return candidates.first { $0.architecture.name == model.architecture }
  }

  /// How much of an architecture a checkpoint holds, under the prefix that gives the most.
  private static func candidate(_ architecture: Architecture, _ checkpoint: Checkpoint) -> Candidate {
    let wanted = architecture.tensors
    var prefixes = [""]
    for probe in [wanted.first?.name, wanted.dropLast(2).last?.name].compactMap({ $0 }) {
      for name in checkpoint.names where name.hasSuffix("." + probe) {
        let prefix = String(name.dropLast(probe.count))
        if !prefixes.contains(prefix), prefixes.count < 64 { prefixes.append(prefix) }
      }
    }
    var shapes: [String: [Int]] = [:]
    for entry in checkpoint.entries { shapes[entry.name] = entry.shape }
    var best = Candidate(architecture: architecture, prefix: "", share: 0)
    for prefix in prefixes {
      let found = wanted.count { shapes[prefix + $0.name] == $0.shape }
      let present = prefix.isEmpty ? shapes.count : shapes.keys.count { $0.hasPrefix(prefix) }
      let share = Double(found) / Double(max(wanted.count, present, 1))
      if share > best.share { best = Candidate(architecture: architecture, prefix: prefix, share: share) }
    }
    return best
  }
}

/// The tensors of a source whose names begin with a prefix, under the rest of their names.
struct TensorSubtree: TensorSource {
  let base: any TensorSource
  let prefix: String

  var names: [String] {
    base.names.filter { $0.hasPrefix(prefix) }.map { String($0.dropFirst(prefix.count)) }
  }

  func shape(of name: String) throws -> [Int] { try base.shape(of: prefix + name) }

  func tensor(named name: String) throws -> Tensor { try base.tensor(named: prefix + name) }
}

/// What timm writes beside a model's weights as `config.json`, as far as preprocessing depends on it.
private struct TimmConfig {
  private(set) var architecture: String?
  private var mean: [Float]?
  private var deviation: [Float]?
  private var interpolation: String?
  private var cropShare: Double?
  private var cropMode: String?
  private var side: Int?
  private let file: String

  /// - Throws: `NetworkError` with code `preprocessing` for a file that is there and not readable as JSON.
  init?(beside weights: String) throws {
    file = URL(filePath: weights).deletingLastPathComponent().appending(path: "config.json").path
    var status = stat()
    guard stat(file, &status) == 0, status.st_size <= 1 << 20,
      let data = FileManager.default.contents(atPath: file)
    else { return nil }
    do {
      try data.withUnsafeBytes { bytes in
        var scanner = JSONScanner(bytes)
        try read(&scanner)
        try scanner.end()
      }
    } catch let problem as JSONScanner.Problem {
      throw NetworkError(
        .preprocessing,
        "\(file) is not JSON: \(problem.reason). Fix: correct it, or move it away from the weights"
      )
    }
    guard mean != nil || deviation != nil || cropShare != nil || interpolation != nil else { return nil }
  }

  /// Keys stand at the top or, in newer files, in `pretrained_cfg`.
  private mutating func read(_ scanner: inout JSONScanner) throws {
    try scanner.object { key, scanner in
      switch key {
      case "pretrained_cfg" where Self.isObject(scanner): try read(&scanner)
      case "architecture" where scanner.isAtString: architecture = try scanner.string()
      case "interpolation" where scanner.isAtString: interpolation = try scanner.string()
      case "crop_mode" where scanner.isAtString: cropMode = try scanner.string()
      case "crop_pct": cropShare = Double(try Self.word(&scanner))
      case "mean": mean = try Self.numbers(&scanner)?.map { Float($0) }
      case "std": deviation = try Self.numbers(&scanner)?.map { Float($0) }
      case "input_size": side = try Self.numbers(&scanner)?.last.flatMap { Int(exactly: $0) }
      default: try scanner.skipValue()
      }
    }
  }

  private static func isObject(_ scanner: JSONScanner) -> Bool {
    var ahead = scanner
    return ahead.take("{")
  }

  private static func word(_ scanner: inout JSONScanner) throws -> String {
    let before = scanner
    guard let word = try? scanner.word() else {
      scanner = before
      try scanner.skipValue()
      return ""
    }
    return word
  }

  private static func numbers(_ scanner: inout JSONScanner) throws -> [Double]? {
    var ahead = scanner
    guard ahead.take("[") else {
      try scanner.skipValue()
      return nil
    }
    var values: [Double] = []
    try scanner.array { values.append(try $0.number()) }
    return values
  }

  /// The architecture's preprocessing as this file changes it.
  ///
  /// - Throws: `NetworkError` with code `preprocessing` for an interpolation or crop that does not exist here.
  func preprocessing(_ architecture: Architecture) throws -> Preprocessing {
    var filter: Interpolation?
    switch interpolation {
    case nil, "", "random": break
    case let name?:
      filter = Interpolation(rawValue: name)
      guard filter != nil else { throw unsupported("the interpolation \(name)", "--interpolation bicubic") }
    }
    guard [nil, "", "center"].contains(cropMode) else {
      throw unsupported("the crop mode \(cropMode ?? "")", "--crop 1")
    }
    do {
      return try architecture.preprocessing.changed(
        by: PreprocessingChanges(
          mean: mean,
          deviation: deviation,
          interpolation: filter,
          cropShare: cropShare,
          crop: side
        )
      )
    } catch let error as ImageError {
      throw NetworkError(.preprocessing, "\(file): \(error.reason)")
    }
  }

  private func unsupported(_ what: String, _ option: String) -> NetworkError {
    NetworkError(
      .preprocessing,
      "\(file) asks for \(what), which is not available. Fix: move the file away from the weights and give \(option)"
    )
  }
}

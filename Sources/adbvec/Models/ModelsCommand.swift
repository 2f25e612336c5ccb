import ArgumentParser
import Checkpoints
import CommandSupport
import FoundationEssentials
import ImageCodecs
import Inference

/// `adbvec models …`.
struct ModelsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "models",
    abstract: "List, fetch and verify published weights.",
    subcommands: [ModelsList.self, ModelsFetch.self, ModelsVerify.self]
  )
}

/// A checkpoint as the commands report it.
struct ModelEntry: Encodable {
  let name: String
  let file: String
  let address: String?
  let sha256: String
  let licence: String
  let inputSize: Int
  let resize: Int
  let mean: [Float]
  let deviation: [Float]
  let divisor: Float
  let pooledDimensions: Int
  let classes: Int
  let path: String?
  let state: String

  init(_ model: KnownModel, store: ModelStore, state: ModelStore.State? = nil) throws {
    let architecture = try Architecture.named(model.architecture)
    let recipe = architecture.preprocessing
    name = model.name
    file = model.file
    if case .address(let address) = model.source { self.address = address } else { address = nil }
    sha256 = model.sha256
    licence = model.licence
    inputSize = architecture.inputSize
    resize = recipe.resize
    mean = recipe.normalization.mean
    deviation = recipe.normalization.deviation
    divisor = recipe.normalization.divisor
    pooledDimensions = architecture.pooledDimensions
    classes = architecture.classes
    path = store.path(of: model)
    self.state = (state ?? (path == nil ? .missing : .present)).rawValue
  }
}

/// `adbvec models list`.
struct ModelsList: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list",
    abstract: "List the known models, and which of their weights are on this machine.",
    discussion:
      "All were trained on ImageNet-1k. --format json has their addresses, digests and normalisation too."
  )

  @Option(help: "text or json.")
  var format = ReportFormat.text

  @OptionGroup(title: "Global options") var global: GlobalOptions

  mutating func run() async throws {
    let store = ModelStore.standard(ProcessInfo.processInfo.environment)
    let entries = try KnownModel.all.map { try ModelEntry($0, store: store) }
    switch format {
    case .json: try JSONReport(command: "models list", result: entries).print()
    case .text:
      var table = TextTable(["name", "input", "pooled", "logits", "licence", "here", "file"])
      for entry in entries {
        table.append([
          entry.name, String(entry.inputSize), String(entry.pooledDimensions), String(entry.classes),
          entry.licence, entry.path == nil ? "no" : "yes", entry.file,
        ])
      }
      try Output.line(table.rendered)
    }
  }
}

/// `adbvec models fetch`.
struct ModelsFetch: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "fetch",
    abstract: "Fetch weights from their publishers and verify them.",
    discussion: """
      An interrupted fetch continues where it stopped. A file is kept only when its SHA-256 begins with \
      the digits that its publisher gives: all 64, or the 8 in the file's name. --model finds it later.

        adbvec models fetch squeezenet1_1
        adbvec models fetch resnet50 --from https://mirror.example/models/
      """
  )

  @Argument(
    help: ArgumentHelp("The models, as 'models list' names them.", valueName: "name"),
    completion: .list(KnownModel.all.map(\.name))
  )
  var names: [String]

  @Option(help: ArgumentHelp("A mirror's URL in place of the publisher's.", valueName: "url"))
  var from: String?

  @OptionGroup(title: "Global options") var global: GlobalOptions

  mutating func run() async throws {
    let models = try names.map { try knownModel($0) }
    let fetcher = ModelFetcher(
      store: ModelStore.standard(ProcessInfo.processInfo.environment),
      mirror: from
    )
    for model in models {
      let outcome = try await fetcher.fetch(
        model,
        showsProgress: Terminal.showsProgress && !global.quiet
      )
      let how =
        outcome.received == 0 && outcome.resumed == 0
        ? "already present"
        : "\(outcome.received) bytes fetched" + (outcome.resumed > 0 ? " after \(outcome.resumed)" : "")
      global.note("\(model.name): \(how)")
      try Output.line(outcome.path)
    }
  }
}

/// `adbvec models verify`.
struct ModelsVerify: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify",
    abstract: "Compare the weights on this machine with the published digests.",
    discussion:
      "Without a name, all that are present are checked. Exit code 1 when one is wrong or missing."
  )

  @Argument(
    help: ArgumentHelp("The models, as 'models list' names them.", valueName: "name"),
    completion: .list(KnownModel.all.map(\.name))
  )
  var names: [String] = []

  @Option(help: "text or json.")
  var format = ReportFormat.text

  @OptionGroup(title: "Global options") var global: GlobalOptions

  mutating func run() async throws {
    let store = ModelStore.standard(ProcessInfo.processInfo.environment)
    let chosen = try names.map { try knownModel($0) }
    let models = names.isEmpty ? KnownModel.all.filter { store.path(of: $0) != nil } : chosen
    let entries = try models.map { try ModelEntry($0, store: store, state: try store.verify($0)) }
    switch format {
    case .json: try JSONReport(command: "models verify", result: entries).print()
    case .text:
      for entry in entries {
        try Output.line("\(entry.name): \(entry.state)" + (entry.path.map { " \($0)" } ?? ""))
      }
    }
    let bad = entries.filter { $0.state != "verified" }
    guard bad.isEmpty else {
      throw CommandFailure(
        "\(bad.map(\.name).joined(separator: ", ")): not the published file",
        fix: "adbvec models fetch \(bad.map(\.name).joined(separator: " "))"
      )
    }
    if entries.isEmpty, format == .text {
      try Output.line(
        "no weights of a known model are on this machine; 'adbvec models list' names the models"
      )
    }
  }
}

/// The checkpoint with a name; wrong usage when there is none.
private func knownModel(_ name: String) throws -> KnownModel {
  do {
    return try KnownModel.named(name)
  } catch let error as ModelStoreError {
    throw CommandFailure(error.description, exitCode: 64)
  }
}

package import ArgumentParser
import Basics
package import CommandSupport
package import Migrations

/// What a program brings so that the migrate commands can change the model of a table; `adbvec-migrate` brings nothing.
package protocol ChangeSupport: Sendable {
  /// Does the steps of migrations.
  /// - Parameter force: whether a gate that refuses lets the run go on.
  func runner(_ settings: Settings, force: Bool) throws -> any MigrationStepRunner

  /// What a shell offers for the options that name a model or a feature.
  var names: (models: [String], features: [String]) { get }

  /// The files of a change.
  func files(_ request: ChangeOptions, title: String, _ settings: Settings) async throws -> [(
    name: String, text: String
  )]
}

extension MigrateCommand {
  /// What the program brings; set once, before a command line is read.
  package static var changes: (any ChangeSupport)? {
    get { support.withLock { $0 } }
    set { support.withLock { $0 = newValue } }
  }

  private static let support = StateLock<(any ChangeSupport)?>(nil)
}

/// Options of `migrate new` that write the files of a change of the table's vectors.
package struct ChangeOptions: ParsableArguments {
  @Flag(help: "Write the files that give the table new vectors while it is in use.")
  package var reEmbed = false

  @Flag(help: "Write the file that drops the old vectors once the switch has been applied.")
  package var contract = false

  @Option(
    help: ArgumentHelp("The new model's weights, .safetensors or .pth.", valueName: "file"),
    completion: .file()
  )
  package var toWeights: String?

  @Option(
    help: ArgumentHelp("The new model (default: the one that the weights fit).", valueName: "name"),
    completion: .custom { _, _, _ in MigrateCommand.changes?.names.models ?? [] }
  )
  package var toModel: String?

  @Option(
    help: ArgumentHelp("The new layer and pooling (default: as now).", valueName: "kind"),
    completion: .custom { _, _, _ in MigrateCommand.changes?.names.features ?? [] }
  )
  package var toFeature: String?

  @Option(help: ArgumentHelp("The new input sizes to average over (default: as now).", valueName: "list"))
  package var toScales: String?

  @Flag(inversion: .prefixedNo, help: "Average over an image and its mirror image (default: as now).")
  package var toMirror: Bool?

  @Flag(inversion: .prefixedNo, help: "Scale the new vectors to length 1 (default: as now).")
  package var toNormalise: Bool?

  @Option(
    help: ArgumentHelp("The projection to apply to the vectors.", valueName: "file"),
    completion: .file(extensions: ["safetensors"])
  )
  package var toProjection: String?

  @Option(
    help: ArgumentHelp(
      "The new column's type: vector, halfvec or real[] (default: as now); bit for an index on the vectors' signs, whose "
        + "candidates are ordered by the vectors.",
      valueName: "type"
    ),
    completion: .list(["vector", "halfvec", "real[]", "bit"])
  )
  package var toType: String?

  @Option(
    help:
      "Rows whose image is not there: fail (do not begin), keep (without a vector) or drop (delete at the end).",
    completion: .list(["fail", "keep", "drop"])
  )
  package var missing = "fail"

  @Option(
    help: ArgumentHelp("The most that the precision at 10 of the classes may fall, 0…1.", valueName: "share")
  )
  package var maxLoss = 0.02

  @Option(
    help: ArgumentHelp(
      "The least share of true neighbours that the new index must find, 0…1.",
      valueName: "share"
    )
  )
  package var minRecall = 0.9

  @Option(
    help: ArgumentHelp(
      "The least share of neighbours that old and new must have in common, 0…1.",
      valueName: "share"
    )
  )
  package var minAgreement: Double?

  @Option(help: ArgumentHelp("Rows that are compared.", valueName: "count"))
  package var sample = 1000

  package init() {}

  /// Whether any of it was asked for.
  var isWanted: Bool { reEmbed || contract }

  package func validate() throws {
    if reEmbed, contract { throw ValidationError("--re-embed and --contract exclude each other") }
    let models: [(String, Bool)] = [
      ("--to-weights", toWeights != nil), ("--to-model", toModel != nil), ("--to-feature", toFeature != nil),
      ("--to-scales", toScales != nil), ("--to-mirror", toMirror != nil),
      ("--to-normalise", toNormalise != nil),
      ("--to-projection", toProjection != nil), ("--to-type", toType != nil),
    ]
    if let first = models.first(where: \.1), !reEmbed { throw ValidationError("\(first.0) needs --re-embed") }
    if reEmbed, !models.contains(where: \.1) {
      throw ValidationError("--re-embed needs what changes: --to-weights, --to-feature, --to-type …")
    }
    if toType == "bit", let other = models.first(where: { $0.1 && $0.0 != "--to-type" }) {
      throw ValidationError(
        "--to-type bit leaves the vectors as they are, and \(other.0) makes others: give them one after the other"
      )
    }
    for (name, value) in [
      ("--max-loss", maxLoss), ("--min-recall", minRecall), ("--min-agreement", minAgreement ?? 0),
    ] {
      guard (0...1).contains(value) else { throw ValidationError("\(name) must be 0…1") }
    }
    try checkRange("--sample", sample, 10...20_000)
    guard ["fail", "keep", "drop"].contains(missing) else {
      throw ValidationError("--missing must be fail, keep or drop, not \"\(missing)\"")
    }
  }
}

import ArgumentParser
import CommandSupport
import Ingestion
import Foundation
import ImageSources
import ImageFeatures

/// `adbvec embed`.
struct EmbedCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "embed",
    abstract: "Turn images into feature vectors, into a file.",
    discussion:
      "The tutorial's file (a line id|class|{…} an image) unless the name says .npy, .fvecs, .csv or .jsonl."
  )

  @Argument(help: ArgumentHelp("A folder of images, or CIFAR files.", valueName: "source"))
  var source: String

  @Option(name: .shortAndLong, help: ArgumentHelp("The file to write.", valueName: "file"))
  var output: String

  @Option(
    help: ArgumentHelp(
      "features, npy, fvecs, csv or jsonl; without it by the file's name.",
      valueName: "name"
    )
  )
  var format: FeatureSource.Format?

  @Option(help: ArgumentHelp("A file for the classes, for the formats that carry none.", valueName: "file"))
  var labels: String?

  @OptionGroup(title: "Feature options") var features: FeatureOptions

  @Option(help: ArgumentHelp("Images worked on at once, each on one core.", valueName: "count"))
  var workers: Int = max(1, ProcessInfo.processInfo.activeProcessorCount)

  @Flag(help: "An image that cannot be read ends the run.")
  var strict = false

  @OptionGroup(title: "Global options") var global: GlobalOptions

  func validate() throws {
    try FeatureOptions.check(workers: workers)
  }

  mutating func run() async throws {
    let settings = try await global.settings(features.flags)
    let collection = try ImageSource.open(source, options: features.decoding.options)
    let model = try features.load(settings)
    let batches = ImageBatchSource(collection, workers: workers, isStrict: strict) {
      let extractor = try model.makeExtractor()
      return { try extractor.features(of: $0) }
    }
    let writer = try FeatureOutput.open(output, format: format, labels: labels)
    var (rows, unreadable) = (0, 0)
    while let batch = try await batches.next(rows: 100, skipping: DoneRanges()) {
      for row in 0..<batch.rows.count {
        let vector = batch.rows.withVector(row) { Array($0) }
        try writer.write(id: batch.rows.ids[row], label: batch.rows.labels[row], vector: vector)
      }
      rows += batch.rows.count
      batch.unreadable.forEach { Terminal.note("skipped \($0.reason)") }
      unreadable += batch.unreadable.count
    }
    guard rows > 0 else {
      throw CommandFailure("none of the \(unreadable) images could be read; nothing is written")
    }
    try writer.finish()
    let left = unreadable == 0 ? "" : ", \(unreadable) images could not be read"
    let summary = "\(rows) vectors of \(model.dimension) numbers"
    if output == "-" { Terminal.note(summary + left) } else { print("\(summary) in \(output)\(left)") }
  }
}

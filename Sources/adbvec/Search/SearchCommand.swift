import ArgumentParser
import CommandSupport
import ImageSearch

/// `adbvec search`.
struct SearchCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "search",
    abstract: "Find the nearest images.",
    discussion: """
      The distance is the true distance in the index's metric, the same number on every dialect. Images for --grid \
      come from where embed-load found them, or from --images.

        adbvec search --id 7 --top-k 11 --grid nearest.png
        adbvec search --image cat.jpg --class mammals --format json
      """
  )

  @OptionGroup var subject: SubjectOptions
  @OptionGroup(title: "Feature options") var features: FeatureOptions
  @OptionGroup(title: "Output options") var output: SearchOutputOptions
  @OptionGroup(title: "Global options") var global: GlobalOptions

  mutating func run() async throws {
    let settings = try await global.settings(features.flags.merging([.metric: subject.metric]) { $1 })
    try output.checkWritable()
    let connection = try await settings.connect()
    let query = try await ImageQuery.read(
      table: try settings.imageTable(),
      dialect: try settings.sqlDialect(),
      metric: try settings.chosenMetric(),
      from: connection
    )
    let (request, image) = try subject.request(features, settings)
    let searcher = ImageSearcher(query: query, connections: connection)
    let answer = try await searcher.search(request)
    try await output.write(
      answer,
      request: request,
      image: image,
      searcher: searcher,
      quiet: global.quiet
    )
  }
}

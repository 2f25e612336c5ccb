import ArgumentParser
import Basics
import CommandSupport
import Foundation
import ImageCodecs
import ImageGrid
import ImageSearch
import Inference
import VectorSQL

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
    let (request, image) = try await subject.request(features, settings, connection)
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

/// `--format` of a search.
enum ResultFormat: String, ExpressibleByArgument, CaseIterable {
  case table, json, csv
}

/// Where the results of a search go.
struct SearchOutputOptions: ParsableArguments {
  @Option(help: "table, json or csv.")
  var format = ResultFormat.table

  @Option(help: ArgumentHelp("Write the images as a labelled grid, PNG.", valueName: "file"))
  var grid: String?

  @Option(help: ArgumentHelp("Write one page with the images and the SQL in it.", valueName: "file"))
  var html: String?

  @Flag(help: "Show the images in the terminal, where it can (kitty, iTerm2, sixel, else half blocks).")
  var preview = false

  @OptionGroup var layout: GridOptions

  @Option(help: "The order of the images in a grid or page: distance, class or id.")
  var sort = ResultOrder.distance

  @Option(
    help: ArgumentHelp(
      "The collection that was loaded, if the table does not say where its images are.",
      valueName: "source"
    )
  )
  var images: String?

  /// Fails before any work is done when a file could not be written.
  func checkWritable() throws {
    for file in [grid, html].compactMap({ $0 }) {
      let folder = URL(fileURLWithPath: file).deletingLastPathComponent().path
      guard FileManager.default.isWritableFile(atPath: folder) else {
        throw CommandFailure("cannot write \(file): the folder \(folder) is not there or not writable")
      }
    }
  }

  func write(
    _ answer: ImageSearchAnswer,
    request: ImageSearchRequest,
    image: Image?,
    searcher: ImageSearcher,
    quiet: Bool
  ) async throws {
    switch format {
    case .table: print(ResultText.table(answer.hits))
    case .csv: print(ResultText.csv(answer.hits), terminator: "")
    case .json: try ResultText.printJSON(answer, metric: searcher.query.metric.description)
    }
    guard grid != nil || html != nil || preview else { return }
    let finder = try ImageFinder(collection: images)
    let drawing = ResultGrid(searcher: searcher, finder: finder, options: layout, order: sort)
    let items = try await drawing.items(answer.hits, request: request, image: image)
    if let grid { try write(Data(try drawing.grid(items).pngData()), to: grid, quiet) }
    if let html { try write(Data(try drawing.page(items, answer).html().utf8), to: html, quiet) }
    if preview { try show(drawing.grid(items)) }
  }

  private func write(_ data: Data, to path: String, _ quiet: Bool) throws {
    try data.write(to: URL(fileURLWithPath: path), options: .atomic)
    if !quiet { Terminal.note("wrote \(path)") }
  }

  /// Nothing is sent into a pipe, nor to a terminal that cannot show it.
  private func show(_ grid: ImageGrid) throws {
    let environment = ProcessInfo.processInfo.environment
    let size = Terminal.size
    guard
      let preview = TerminalPreview(
        environment: environment,
        isTerminal: isatty(STDOUT_FILENO) == 1,
        columns: size.columns,
        rows: size.rows
      )
    else {
      Terminal.warning("--preview: this is no terminal that shows images; use --grid FILE")
      return
    }
    print(try preview.sequence(for: try grid.image()), terminator: "")
  }
}

/// Search results as text.
enum ResultText {
  static func table(_ hits: [ImageHit]) -> String {
    var table = TextTable(["id", "class", "distance"])
    for hit in hits {
      table.append([String(hit.id), hit.label ?? "-", String(format: "%.6g", hit.distance)])
    }
    return table.rendered
  }

  /// RFC 4180, with a header; distances in full precision.
  static func csv(_ hits: [ImageHit]) -> String {
    let rows = hits.map { "\($0.id),\(Quoting.csvField($0.label ?? "")),\($0.distance)\r\n" }
    return "id,class,distance\r\n" + rows.joined()
  }

  private struct Answer: Encodable {
    let metric: String
    let hits: [ImageHit]
    let databaseMilliseconds: Double
    let sql: String
  }

  static func printJSON(_ answer: ImageSearchAnswer, metric: String) throws {
    let body = Answer(
      metric: metric,
      hits: answer.hits,
      databaseMilliseconds: answer.databaseMilliseconds,
      sql: answer.sql
    )
    try JSONReport(command: "search", result: body).print()
  }
}

/// In which order a grid or page shows the results.
enum ResultOrder: String, ExpressibleByArgument, CaseIterable {
  case distance, `class`, id

  /// The hits in this order; within a class by distance, as they came.
  func sorted(_ hits: [ImageHit]) -> [ImageHit] {
    switch self {
    case .distance: hits
    case .id: hits.sorted { $0.id < $1.id }
    case .class:
      hits.enumerated().sorted { left, right in
        let (first, second) = (left.element.label ?? "", right.element.label ?? "")
        return first == second ? left.offset < right.offset : first < second
      }.map(\.element)
    }
  }
}

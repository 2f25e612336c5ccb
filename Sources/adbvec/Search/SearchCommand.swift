import ArgumentParser
import Basics
import CommandSupport
import FoundationEssentials
import ImageCodecs
import ImageGrid
import ImageSearch
import ImageSources
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
    try subject.requireSubject()
    let settings = try global.settings(features.flags.merging([.metric: subject.metric]) { $1 })
    let (declared, dialect) = (try settings.imageTable(), try settings.sqlDialect())
    let metric = try settings.chosenMetric()
    let connection = try await settings.connect()
    let table = try await declared.read(dialect: dialect, metric: metric, from: connection)
    let (query, image) = try await subject.request(features, settings, connection)
    let searcher = ImageSearcher(table: table, connections: connection)
    let answer = try await searcher.search(query)
    for notice in table.notices + answer.notices { Terminal.warning(notice) }
    try await output.write(
      answer,
      query: query,
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

  @Option(
    help: ArgumentHelp("Write the images as a labelled grid, .png or .jpg.", valueName: "file"),
    completion: .file(extensions: ["png", "jpg"])
  )
  var grid: String?

  @Option(
    help: ArgumentHelp("Write the images and the SQL as one HTML page.", valueName: "file"),
    completion: .file(extensions: ["html"])
  )
  var html: String?

  @Flag(help: "Show the images in the terminal (kitty, iTerm2, sixel, else half blocks).")
  var preview = false

  @OptionGroup var layout: GridOptions

  @Option(help: "The order of the images in the grid or page: distance, class or id.")
  var sort = ResultOrder.distance

  @Option(
    help: ArgumentHelp(
      "The collection that was loaded (default: what the table records).",
      valueName: "source"
    ),
    completion: .file()
  )
  var images: String?

  /// Paths that could not be written are refused before any work is done.
  func validate() throws {
    if let grid { try checkOutput("--grid", grid, extensions: ["png", "jpg", "jpeg"]) }
    if let html { try checkOutput("--html", html, extensions: ["html", "htm"]) }
  }

  func write(
    _ answer: ImageAnswer,
    query: ImageQuery,
    image: Image?,
    searcher: ImageSearcher,
    quiet: Bool
  ) async throws {
    switch format {
    case .table: try Output.line(ResultText.table(answer.hits))
    case .csv: try Output.data(ResultText.csv(answer.hits))
    case .json: try ResultText.printJSON(answer, metric: searcher.table.metric.description)
    }
    if answer.hits.isEmpty, answer.notices.isEmpty, !quiet {
      Terminal.note("no row was found\(await Self.reason(query, searcher))")
    }
    guard grid != nil || html != nil || preview else { return }
    let side = html == nil ? layout.cellSize : max(layout.cellSize, ResultsPage.usualImageSide)
    let loaded = try images.map { try ImageSource.open($0, options: .display) }
    let drawing = ResultGrid(
      searcher: searcher,
      images: RowImages(.display, loaded: loaded),
      side: side,
      options: layout,
      order: sort
    )
    let items = try await drawing.items(answer.hits, query: query, image: image)
    if let grid { try write(Data(try layout.data(of: drawing.grid(items), for: grid)), to: grid, quiet) }
    if let html { try write(Data(try drawing.page(items, answer).html().utf8), to: html, quiet) }
    if preview { try show(drawing.grid(items)) }
  }

  /// Why nothing was found, as far as it can be said.
  private static func reason(_ query: ImageQuery, _ searcher: ImageSearcher) async -> String {
    if let name = query.options.class, let known = try? await searcher.classes().map(\.name),
      !known.contains(name)
    {
      return ": no row has the class \"\(name)\"" + Suggestion.nearest(to: name, in: known)
    }
    if let isEmpty = try? await searcher.isEmpty(), isEmpty {
      return ": the table has no rows yet. Fix: adbvec embed-load FOLDER"
    }
    return ". Fix: 'adbvec doctor' says what the table holds"
  }

  private func write(_ data: Data, to path: String, _ quiet: Bool) throws {
    try data.withUnsafeBytes { try AtomicFile.write($0, to: path) }
    if !quiet { Terminal.note("wrote \(path)") }
  }

  /// Nothing is sent into a pipe, nor to a terminal that cannot show it.
  private func show(_ grid: ImageGrid) throws {
    let environment = ProcessInfo.processInfo.environment
    let size = Terminal.size
    guard
      let preview = TerminalPreview(
        environment: environment,
        isTerminal: Output.isTerminal,
        columns: size.columns,
        rows: size.rows
      )
    else {
      Terminal.warning(
        "--preview: the terminal does not support images (kitty, iTerm2, sixel or colour). Fix: use --grid FILE"
      )
      return
    }
    try Output.sequence(try preview.sequence(for: try grid.image()))
  }
}

/// Search results as text.
enum ResultText {
  static func table(_ hits: [ImageHit]) -> String {
    // Where the table knows them, images have a column: people ask for them, not for numbers. The distance stays last, where
    // scripts look for it.
    let hasSources = hits.contains { $0.source != nil }
    var table = TextTable(["id", "class"] + (hasSources ? ["image"] : []) + ["distance"])
    for hit in hits {
      let image = hasSources ? [hit.source ?? "-"] : []
      table.append(
        [hit.id.description, hit.class ?? "-"] + image + [String(printf: "%.6g", hit.distance)]
      )
    }
    return table.rendered
  }

  /// RFC 4180 with a header, and line feeds alone as psql writes them; distances in full precision.
  static func csv(_ hits: [ImageHit]) -> String {
    let rows = hits.map {
      "\(Quoting.csvField($0.id.description)),\(Quoting.csvField($0.class ?? "")),\($0.distance)\n"
    }
    return "id,class,distance\n" + rows.joined()
  }

  private struct Answer: Encodable {
    let metric: String
    let hits: [ImageHit]
    let complete: Bool
    let notices: [String]
    let databaseMilliseconds: Double
    let sql: String
  }

  static func printJSON(_ answer: ImageAnswer, metric: String) throws {
    let body = Answer(
      metric: metric,
      hits: answer.hits,
      complete: answer.isComplete,
      notices: answer.notices,
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
    case .class: hits.sorted { ($0.class ?? "") < ($1.class ?? "") }
    }
  }
}

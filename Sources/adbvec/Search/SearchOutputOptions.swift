import ArgumentParser
import CommandSupport
import Foundation
import ImageFeatures
import ImageSearch
import ImageGrid
import VectorSQL

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

import ArgumentParser
import Foundation
import ImageFeatures
import ImageSearch
import VectorSQL

/// `--format` of a search.
enum ResultFormat: String, ExpressibleByArgument, CaseIterable {
  case table, json, csv
}

/// Where the results of a search go.
struct SearchOutputOptions: ParsableArguments {
  @Option(help: "table, json or csv.")
  var format = ResultFormat.table

  @Option(help: ArgumentHelp("Write the pictures as a labelled grid, PNG.", valueName: "file"))
  var grid: String?

  @Option(help: ArgumentHelp("Columns of the grid.", valueName: "count"))
  var columns: Int?

  @Option(
    help: ArgumentHelp(
      "The collection that was loaded, if the table does not say where its pictures are.",
      valueName: "source"
    )
  )
  var pictures: String?

  func validate() throws {
    if let columns, !(1...100).contains(columns) {
      throw ValidationError("--columns must be 1…100, not \(columns)")
    }
  }

  /// Fails before any work is done when the grid could not be written.
  func checkWritable() throws {
    guard let grid else { return }
    let folder = URL(fileURLWithPath: grid).deletingLastPathComponent().path
    guard FileManager.default.isWritableFile(atPath: folder) else {
      throw CommandFailure("cannot write \(grid): the folder \(folder) is not there or not writable")
    }
  }

  func write(
    _ answer: ImageSearchAnswer,
    request: ImageSearchRequest,
    picture: Picture?,
    searcher: ImageSearcher,
    quiet: Bool
  ) async throws {
    switch format {
    case .table: print(ResultText.table(answer.hits))
    case .csv: print(ResultText.csv(answer.hits), terminator: "")
    case .json: try ResultText.printJSON(answer, metric: searcher.query.metric.description)
    }
    if let grid {
      let pictures = try PictureFinder(collection: pictures)
      try await ResultGrid(searcher: searcher, finder: pictures, columns: columns)
        .write(answer.hits, request: request, picture: picture, to: grid)
      if !quiet { Terminal.note("wrote \(grid)") }
    }
  }
}

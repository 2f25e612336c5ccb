import ArgumentParser
import Basics
import CommandSupport
import FoundationEssentials
import ImageCodecs
import ImageGrid
import ImageSearch
import ImageSources
import VectorSQL

/// Draws search results, the query first.
struct ResultGrid {
  let searcher: ImageSearcher
  let images: RowImages
  /// The side of the images; larger ones are reduced as they are read, for a grid may have a thousand of them.
  let side: Int
  let options: GridOptions
  let order: ResultOrder

  /// The query and the hits as cells, the query first.
  func items(_ hits: [ImageHit], query: ImageQuery, image: Image?) async throws -> [GridItem] {
    let found = order.sorted(hits).map { hit in
      GridItem(
        image: self.image(id: hit.id, source: hit.source),
        title: hit.class ?? "id \(hit.id)",
        detail: String(printf: "%.4g", hit.distance) + " · id \(hit.id)"
      )
    }
    return [try await queryItem(query, image)].compactMap { $0 } + found
  }

  /// The cells as one image.
  func grid(_ items: [GridItem]) -> ImageGrid {
    options.grid(items, heading: heading)
  }

  /// The cells as one page, with the SQL that was run.
  func page(_ items: [GridItem], _ answer: ImageAnswer) -> ResultsPage {
    let time = String(printf: "%.1f ms", answer.databaseMilliseconds)
    return ResultsPage(title: heading, items: items, sql: answer.sql, facts: [.init("Database", time)])
  }

  private var heading: String { "Nearest images by \(searcher.table.metric.title)" }

  /// The image of a row, or nil when it cannot be found or read any more: a placeholder stands for it.
  private func image(id: ImageID, source: String?) -> Image? {
    (try? images.image(id: id, source: source))?.reduced(to: side)
  }

  /// A vector alone has no image to show.
  private func queryItem(_ query: ImageQuery, _ image: Image?) async throws -> GridItem? {
    switch query.subject {
    case .vector:
      return image.map { GridItem(image: $0, title: "query", isQuery: true) }
    case .id(let id):
      let row = try await searcher.row(id: id)
      let title = row?.class ?? "id \(id)"
      return GridItem(
        image: self.image(id: id, source: row?.source),
        title: title,
        detail: "query · id \(id)",
        isQuery: true
      )
    }
  }
}

extension Image {
  /// The image within that width and height; nil where there is no memory for that.
  func reduced(to side: Int) -> Image? { max(width, height) > side ? try? thumbnail(side: side) : self }
}

/// How a grid of images is laid out.
struct GridOptions: ParsableArguments {
  @Option(help: ArgumentHelp("Columns of the grid.", valueName: "count"))
  var columns: Int?

  @Option(
    help: ArgumentHelp(
      "Rows of the grid; with --columns, images that do not fit are left out.",
      valueName: "count"
    )
  )
  var rows: Int?

  @Option(help: ArgumentHelp("The side of an image in the grid, in pixels.", valueName: "pixels"))
  var cellSize = 192

  @Option(
    help: ArgumentHelp(
      "The labels' font, TrueType or OpenType (default: DejaVu Sans, and what fontconfig finds for other scripts).",
      valueName: "file"
    ),
    completion: .file()
  )
  var font: String?

  func validate() throws {
    if let columns { try checkRange("--columns", columns, 1...100) }
    if let rows { try checkRange("--rows", rows, 1...100) }
    try checkRange("--cell-size", cellSize, 48...1024)
  }

  /// How many cells there is room for; nil without a limit.
  var room: Int? {
    guard let rows, let columns else { return nil }
    return rows * columns
  }

  /// The grid as a file, in the format of its name; says which characters of its labels no font has.
  func data(of grid: ImageGrid, for path: String) throws -> [UInt8] {
    let font = try font.map { try GridFont(regular: $0) } ?? GridFont.system()
    let missing = Set(font.charactersWithoutFont(in: grid.labels)).sorted()
    if !missing.isEmpty {
      let font =
        missing.allSatisfy(Self.isEmoji)
        ? "of emoji, such as fonts-noto-color-emoji" : "that has them, such as fonts-noto-cjk"
      Terminal.warning(
        "no font has \(String(missing.prefix(10))): boxes stand for \(missing.count == 1 ? "it" : "them"). "
          + "Fix: install a font \(font), or name one with --font"
      )
    }
    // A device, such as /dev/stdout, has no format in its name.
    return try grid.data(as: (try? GridFormat(path: path)) ?? .png, font: font)
  }

  private static func isEmoji(_ character: Character) -> Bool {
    character.unicodeScalars.contains { $0.properties.isEmojiPresentation }
  }

  /// A grid of these cells; those that do not fit are left out.
  func grid(_ items: [GridItem], heading: String? = nil) -> ImageGrid {
    ImageGrid(items: items, heading: heading, columns: columns, rows: rows, cellSize: cellSize)
  }
}

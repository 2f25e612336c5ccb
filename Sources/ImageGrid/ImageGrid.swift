internal import Basics
public import ImageCodecs

/// A labelled grid of images, drawn to an image.
///
///     let grid = ImageGrid(items: items, heading: "nearest to 4999")
///     try grid.pngData()
public struct ImageGrid: Sendable, Hashable {
  /// The cells, row by row; the query usually first.
  public var items: [GridItem]
  /// A line above the cells.
  public var heading: String?
  /// A second, smaller line above the cells.
  public var subheading: String?
  /// Cells a row; nil chooses.
  public var columns: Int?
  /// Rows; nil takes as many as the cells need. With ``columns``, cells that find no place are left out.
  public var rows: Int?
  /// The side of an image's square in pixels, 48...1024.
  public var cellSize: Int
  /// The colours.
  public var theme: GridTheme

  /// A grid.
  public init(
    items: [GridItem],
    heading: String? = nil,
    subheading: String? = nil,
    columns: Int? = nil,
    rows: Int? = nil,
    cellSize: Int = 192,
    theme: GridTheme = .light
  ) {
    self.items = items
    self.heading = heading
    self.subheading = subheading
    self.columns = columns
    self.rows = rows
    self.cellSize = cellSize
    self.theme = theme
  }

  /// Draws the grid.
  ///
  /// - Parameter font: The font of the labels; nil looks for DejaVu Sans.
  /// - Throws: ``GridError`` when there is no item, no font, or the drawing would be too large.
  public func image(font: GridFont? = nil) throws -> Image {
    let layout = try GridLayout(self)
    let canvas = try Canvas(
      width: layout.width,
      height: layout.height,
      font: font ?? GridFont.system(),
      background: theme.background
    )
    try GridPainter(grid: self, layout: layout, canvas: canvas).paint()
    return try canvas.image()
  }

  /// The grid as a PNG file.
  ///
  /// - Throws: As ``image(font:)``.
  public func pngData(font: GridFont? = nil) throws -> [UInt8] { try data(as: .png, font: font) }

  /// The grid as a file.
  ///
  /// - Throws: As ``image(font:)``.
  public func data(as format: GridFormat, font: GridFont? = nil) throws -> [UInt8] {
    let image = try image(font: font)
    switch format {
    case .png: return try image.pngData()
    case .jpeg: return try image.jpegData(quality: 92)
    }
  }

  /// Everything that is written on the grid.
  public var labels: String {
    ([heading, subheading] + items.flatMap { [$0.title, $0.detail] }).compactMap { $0 }
      .joined(separator: "\n")
  }
}

/// How a grid is written to a file.
public enum GridFormat: Sendable, Hashable {
  /// Portable Network Graphics.
  case png
  /// JPEG, quality 92.
  case jpeg

  /// The format that a file's name announces.
  ///
  /// - Throws: ``GridError`` (`.unsupportedFormat`) for any name but `.png`, `.jpg` and `.jpeg`.
  public init(path: String) throws {
    let name = path.split(separator: "/").last ?? ""
    switch name.split(separator: ".").last?.lowercased() {
    case "png" where name.contains("."): self = .png
    case "jpg" where name.contains("."), "jpeg" where name.contains("."): self = .jpeg
    default:
      throw GridError(
        .unsupportedFormat,
        "\(path): a grid is written as PNG or JPEG. Fix: a name that ends in .png or .jpg"
      )
    }
  }
}

/// One cell of a grid: an image and what is written under it.
public struct GridItem: Sendable, Hashable {
  /// The image; nil draws a placeholder.
  public var image: Image?
  /// The first line, e.g. the class.
  public var title: String
  /// The second line, e.g. the distance.
  public var detail: String?
  /// Whether this is the image that was searched for; it is marked.
  public var isQuery: Bool

  /// A cell.
  public init(image: Image?, title: String, detail: String? = nil, isQuery: Bool = false) {
    self.image = image
    self.title = title
    self.detail = detail
    self.isQuery = isQuery
  }
}

/// The colours of a grid.
public struct GridTheme: Sendable, Hashable {
  /// Behind everything.
  public var background: RGBColor
  /// A cell's own surface.
  public var card: RGBColor
  /// A cell's outline.
  public var outline: RGBColor
  /// Titles.
  public var text: RGBColor
  /// Details and placeholders.
  public var secondaryText: RGBColor
  /// The query's outline and mark.
  public var accent: RGBColor
  /// Text on the accent.
  public var accentText: RGBColor
  /// Behind a placeholder's sign.
  public var placeholder: RGBColor

  /// For light surroundings.
  public static let light = GridTheme(
    background: RGBColor(hex: 0xF4F5F7),
    card: .white,
    outline: RGBColor(hex: 0xDDE0E6),
    text: RGBColor(hex: 0x1B1F27),
    secondaryText: RGBColor(hex: 0x5E6675),
    accent: RGBColor(hex: 0x2F5FDE),
    accentText: .white,
    placeholder: RGBColor(hex: 0xECEEF2)
  )

  /// For dark surroundings.
  public static let dark = GridTheme(
    background: RGBColor(hex: 0x14161B),
    card: RGBColor(hex: 0x1E2129),
    outline: RGBColor(hex: 0x333846),
    text: RGBColor(hex: 0xECEEF3),
    secondaryText: RGBColor(hex: 0x9BA3B4),
    accent: RGBColor(hex: 0x7FA2FF),
    accentText: RGBColor(hex: 0x10131A),
    placeholder: RGBColor(hex: 0x282C36)
  )
}

/// Why a grid, page or preview could not be made, in one line.
public struct GridError: Error, Sendable, Hashable, CustomStringConvertible {
  /// What kind of failure it is.
  public struct Code: Sendable, Hashable {
    /// The code's name.
    public let name: String

    /// A code by its name.
    public init(_ name: String) { self.name = name }

    /// No usable font was found.
    public static let noFont = Code("noFont")
    /// There is nothing to draw, or the drawing would be too large.
    public static let invalidSize = Code("invalidSize")
    /// A grid is not written in the format that the file's name announces.
    public static let unsupportedFormat = Code("unsupportedFormat")
    /// FreeType or libgd refused.
    public static let drawing = Code("drawing")
  }

  /// The kind of failure.
  public let code: Code
  /// What is wrong and what to do.
  public let description: String

  /// An error of a kind, with its line.
  public init(_ code: Code, _ description: String) {
    self.code = code
    self.description = description
  }
}

extension GridError: ReportedError {
  /// As JSON output shows it.
  package var reportedCode: String { snakeCase(code.name) }
}

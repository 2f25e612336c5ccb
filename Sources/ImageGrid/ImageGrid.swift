public import ImageFeatures

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
  public func pngData(font: GridFont? = nil) throws -> [UInt8] {
    try image(font: font).pngData()
  }
}

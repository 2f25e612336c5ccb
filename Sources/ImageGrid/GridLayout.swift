/// The measures of a grid, all derived from the side of a cell's image.
struct GridLayout {
  /// How many cells find a place.
  let count: Int
  let columns: Int
  let rows: Int
  let side: Int
  let padding: Int
  let gap: Int
  let margin: Int
  let titleSize: Double
  let detailSize: Double
  let headingSize: Double
  let hasDetails: Bool
  let headerHeight: Int

  init(_ grid: ImageGrid) throws {
    guard !grid.items.isEmpty else { throw GridError(.invalidSize, "there are no images to draw") }
    guard (48...1024).contains(grid.cellSize) else {
      throw GridError(.invalidSize, "a cell of \(grid.cellSize) pixels cannot be drawn; choose 48 to 1024")
    }
    if let columns = grid.columns, columns < 1 {
      throw GridError(.invalidSize, "a grid needs at least one column, not \(columns)")
    }
    if let rows = grid.rows, rows < 1 {
      throw GridError(.invalidSize, "a grid needs at least one row, not \(rows)")
    }
    let columns = Self.columns(of: grid)
    self.columns = columns
    count = min(grid.items.count, grid.rows.map { $0 * columns } ?? grid.items.count)
    rows = (count + columns - 1) / columns
    side = grid.cellSize
    padding = max(4, side / 16)
    gap = max(4, side / 14)
    margin = max(8, side / 7)
    titleSize = max(9, Double(side) / 13)
    detailSize = max(8, Double(side) / 15)
    headingSize = max(12, Double(side) / 9)
    hasDetails = grid.items.contains { $0.detail != nil }
    let heading = grid.heading == nil ? 0 : Int(headingSize * 1.5)
    let subheading = grid.subheading == nil ? 0 : Int(detailSize * 1.7)
    headerHeight = heading + subheading > 0 ? heading + subheading + gap : 0
  }

  /// Those that were asked for, or as many as fill the rows that were asked for, or what pleases.
  private static func columns(of grid: ImageGrid) -> Int {
    let count = grid.items.count
    let wanted = grid.columns ?? grid.rows.map { (count + $0 - 1) / $0 } ?? pleasingColumns(for: count)
    return min(count, wanted)
  }

  /// Five in a row is easy to take in; small sets are kept near a square.
  private static func pleasingColumns(for count: Int) -> Int {
    switch count {
    case ...5: count
    case 6: 3
    case 7, 8: 4
    case 9...25: 5
    case 26...60: 6
    default: min(20, Int((Double(count) * 1.4).squareRoot()))
    }
  }

  var labelHeight: Int { Int(titleSize * 1.75) + (hasDetails ? Int(detailSize * 1.5) : 0) }
  var cardWidth: Int { side + 2 * padding }
  var cardHeight: Int { side + 2 * padding + labelHeight }
  var width: Int { columns * cardWidth + (columns - 1) * gap + 2 * margin }
  var height: Int { rows * cardHeight + (rows - 1) * gap + 2 * margin + headerHeight }

  func card(_ index: Int) -> Canvas.Rectangle {
    Canvas.Rectangle(
      x: margin + index % columns * (cardWidth + gap),
      y: margin + headerHeight + index / columns * (cardHeight + gap),
      width: cardWidth,
      height: cardHeight
    )
  }
}

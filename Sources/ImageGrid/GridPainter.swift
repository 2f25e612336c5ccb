import ImageCodecs

/// Draws the heading and the cells of a grid.
struct GridPainter {
  let grid: ImageGrid
  let layout: GridLayout
  let canvas: Canvas

  func paint() throws {
    try paintHeader()
    for (index, item) in grid.items.prefix(layout.count).enumerated() {
      try paint(item, in: layout.card(index))
    }
  }

  private func paintHeader() throws {
    let width = layout.width - 2 * layout.margin
    var baseline = layout.margin
    if let heading = grid.heading {
      baseline += Int(layout.headingSize * 0.9)
      try canvas.draw(
        heading,
        x: layout.margin,
        baseline: baseline,
        width: width,
        style: Canvas.TextStyle(size: layout.headingSize, weight: .bold, colour: grid.theme.text),
        alignment: .left
      )
    }
    if let subheading = grid.subheading {
      baseline += Int(layout.detailSize * 1.7)
      try canvas.draw(
        subheading,
        x: layout.margin,
        baseline: baseline,
        width: width,
        style: Canvas.TextStyle(size: layout.detailSize, colour: grid.theme.secondaryText),
        alignment: .left
      )
    }
  }

  private func paint(_ item: GridItem, in card: Canvas.Rectangle) throws {
    let radius = Double(layout.padding)
    let line = item.isQuery ? max(2, layout.side / 48) : max(1, layout.side / 192)
    canvas.fill(card, item.isQuery ? grid.theme.accent : grid.theme.outline, radius: radius)
    canvas.fill(card.inset(line), grid.theme.card, radius: radius - Double(line))
    let square = Canvas.Rectangle(
      x: card.x + layout.padding,
      y: card.y + layout.padding,
      width: layout.side,
      height: layout.side
    )
    if let image = item.image {
      let fitted = try Thumbnail.fit(image, side: layout.side)
      canvas.draw(
        fitted,
        x: square.x + (square.width - fitted.width) / 2,
        y: square.y + (square.height - fitted.height) / 2,
        radius: radius / 2
      )
    } else {
      try paintPlaceholder(in: square, radius: radius / 2)
    }
    if item.isQuery { try paintMark(at: square) }
    try paintLabels(item, below: square)
  }

  private func paintLabels(_ item: GridItem, below square: Canvas.Rectangle) throws {
    var baseline = square.y + square.height + Int(layout.titleSize * 1.6)
    try canvas.draw(
      item.title,
      x: square.x,
      baseline: baseline,
      width: square.width,
      style: Canvas.TextStyle(
        size: layout.titleSize,
        weight: .bold,
        colour: item.image == nil ? grid.theme.secondaryText : grid.theme.text
      )
    )
    guard let detail = item.detail else { return }
    baseline += Int(layout.detailSize * 1.5)
    try canvas.draw(
      detail,
      x: square.x,
      baseline: baseline,
      width: square.width,
      style: Canvas.TextStyle(
        size: layout.detailSize,
        colour: item.isQuery ? grid.theme.accent : grid.theme.secondaryText
      )
    )
  }

  /// A pill that says "query" in the image's corner.
  private func paintMark(at square: Canvas.Rectangle) throws {
    let size = layout.detailSize * 0.9
    let width = try canvas.width(of: "query", size: size, weight: .bold)
    let height = Int(size * 1.7)
    let inset = max(2, layout.padding / 2)
    let pill = Canvas.Rectangle(
      x: square.x + inset,
      y: square.y + inset,
      width: width + height,
      height: height
    )
    canvas.fill(pill, grid.theme.accent, radius: Double(height) / 2)
    try canvas.draw(
      "query",
      x: pill.x + height / 2,
      baseline: pill.y + Int(size * 1.18),
      width: width,
      style: Canvas.TextStyle(size: size, weight: .bold, colour: grid.theme.accentText)
    )
  }

  private func paintPlaceholder(in square: Canvas.Rectangle, radius: Double) throws {
    canvas.fill(square, grid.theme.placeholder, radius: radius)
    let size = layout.detailSize
    try canvas.draw(
      "no image",
      x: square.x,
      baseline: square.y + square.height / 2 + Int(size * 0.35),
      width: square.width,
      style: Canvas.TextStyle(size: size, colour: grid.theme.secondaryText)
    )
  }
}

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

/// Fits images into a square so that both icons and photographs look sharp.
enum Thumbnail {
  /// Tiny images are enlarged by a whole number, with sharp pixels; large ones are reduced without aliasing; those
  /// between are enlarged smoothly to the square.
  static func fit(_ image: Image, side: Int) throws -> Image {
    let longer = max(image.width, image.height)
    if longer > side { return try image.thumbnail(side: side) }
    if longer == side { return image }
    if longer * 2 <= side { return try image.enlarged(side / longer) }
    var resampler = Resampler()
    return try resampler.resize(
      image,
      width: max(1, image.width * side / longer),
      height: max(1, image.height * side / longer),
      interpolation: .bicubic
    )
  }
}

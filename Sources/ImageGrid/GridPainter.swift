import ImageFeatures

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
        size: layout.headingSize,
        weight: .bold,
        colour: grid.theme.text,
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
        size: layout.detailSize,
        colour: grid.theme.secondaryText,
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
      size: layout.titleSize,
      weight: .bold,
      colour: item.image == nil ? grid.theme.secondaryText : grid.theme.text
    )
    guard let detail = item.detail else { return }
    baseline += Int(layout.detailSize * 1.5)
    try canvas.draw(
      detail,
      x: square.x,
      baseline: baseline,
      width: square.width,
      size: layout.detailSize,
      colour: item.isQuery ? grid.theme.accent : grid.theme.secondaryText
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
      size: size,
      weight: .bold,
      colour: grid.theme.accentText
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
      size: size,
      colour: grid.theme.secondaryText
    )
  }
}

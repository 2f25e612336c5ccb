public import ImageCodecs

/// Shares from 0 to 1 of several things, measured in several ways, as groups of horizontal bars.
public struct BarChart: Sendable, Hashable {
  /// One thing with its shares, in the order of the chart's measures.
  public struct Group: Sendable, Hashable {
    /// What it is called.
    public var title: String
    /// Its shares; nil draws no bar.
    public var shares: [Double?]

    /// A group.
    public init(title: String, shares: [Double?]) {
      self.title = title
      self.shares = shares
    }
  }

  /// A line above the chart.
  public var heading: String
  /// What the bars of a group are.
  public var measures: [String]
  /// The groups, from the top down.
  public var groups: [Group]
  /// The colours.
  public var theme: GridTheme

  /// A chart.
  public init(heading: String, measures: [String], groups: [Group], theme: GridTheme = .light) {
    self.heading = heading
    self.measures = measures
    self.groups = groups
    self.theme = theme
  }

  private static let (width, margin, plotLeft, plotRight) = (960, 24, 330, 890)
  private static let (top, bar, gap) = (88, 14, 18)
  /// Distinct for people who see no red or green (Okabe and Ito, 2008).
  private static let colours: [RGBColor] = [0x0072B2, 0xE69F00, 0x009E73, 0xCC79A7, 0x56B4E9, 0xD55E00]
    .map(RGBColor.init(hex:))

  private var groupHeight: Int { measures.count * Self.bar + Self.gap }

  /// Draws the chart.
  ///
  /// - Parameter font: The font of the labels; nil looks for DejaVu Sans.
  /// - Throws: ``GridError`` when there is nothing to draw, more than six measures, no font, or too many groups.
  public func image(font: GridFont? = nil) throws -> Image {
    guard !groups.isEmpty, (1...Self.colours.count).contains(measures.count),
      groups.allSatisfy({ $0.shares.count == measures.count })
    else {
      throw GridError(.invalidSize, "a chart needs groups, and 1 to \(Self.colours.count) shares in each")
    }
    let height = Self.top + groups.count * groupHeight + Self.margin
    let canvas = try Canvas(
      width: Self.width,
      height: height,
      font: font ?? GridFont.system(),
      background: theme.card
    )
    try canvas.draw(
      heading,
      x: Self.margin,
      baseline: 34,
      width: Self.width - 2 * Self.margin,
      style: Canvas.TextStyle(size: 15, weight: .bold, colour: theme.text),
      alignment: .left
    )
    try drawLegend(canvas)
    try drawScale(canvas, bottom: height - Self.margin)
    for (index, group) in groups.enumerated() { try draw(group, at: index, canvas) }
    return try canvas.image()
  }

  /// The chart as a PNG file.
  ///
  /// - Throws: As ``image(font:)``.
  public func pngData(font: GridFont? = nil) throws -> [UInt8] { try image(font: font).pngData() }

  private func drawLegend(_ canvas: Canvas) throws {
    var x = Self.margin
    for (index, measure) in measures.enumerated() {
      canvas.fill(.init(x: x, y: 49, width: 12, height: 12), Self.colours[index], radius: 3)
      let width = try canvas.width(of: measure, size: 10) + 2
      try canvas.draw(
        measure,
        x: x + 18,
        baseline: 60,
        width: width,
        style: Canvas.TextStyle(size: 10, colour: theme.text),
        alignment: .left
      )
      x += width + 42
    }
  }

  private func drawScale(_ canvas: Canvas, bottom: Int) throws {
    let span = Self.plotRight - Self.plotLeft
    for tenth in stride(from: 0, through: 10, by: 2) {
      let x = Self.plotLeft + span * tenth / 10
      canvas.fill(.init(x: x, y: Self.top - 8, width: 1, height: bottom - Self.top + 8), theme.outline)
      try canvas.draw(
        tenth == 10 ? "1" : tenth == 0 ? "0" : "0.\(tenth)",
        x: x - 20,
        baseline: bottom + 16,
        width: 40,
        style: Canvas.TextStyle(size: 9, colour: theme.secondaryText)
      )
    }
  }

  private func draw(_ group: Group, at index: Int, _ canvas: Canvas) throws {
    let top = Self.top + index * groupHeight
    try canvas.draw(
      group.title,
      x: Self.margin,
      baseline: top + measures.count * Self.bar / 2 + 4,
      width: Self.plotLeft - Self.margin - 14,
      style: Canvas.TextStyle(size: 10, colour: theme.text),
      alignment: .right
    )
    for (measure, share) in group.shares.enumerated() {
      guard let share else { continue }
      let length = Int((Double(Self.plotRight - Self.plotLeft) * min(max(share, 0), 1)).rounded())
      let y = top + measure * Self.bar
      canvas.fill(
        .init(x: Self.plotLeft, y: y + 1, width: max(length, 1), height: Self.bar - 2),
        Self.colours[measure]
      )
      try canvas.draw(
        Self.text(share),
        x: Self.plotLeft + length + 6,
        baseline: y + Self.bar - 3,
        width: 50,
        style: Canvas.TextStyle(size: 9, colour: theme.secondaryText),
        alignment: .left
      )
    }
  }

  private static func text(_ share: Double) -> String {
    let thousandths = Int((share * 1000).rounded())
    let digits = String(thousandths % 1000)
    return "\(thousandths / 1000)." + String(repeating: "0", count: 3 - digits.count) + digits
  }
}

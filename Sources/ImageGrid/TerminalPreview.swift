public import ImageFeatures

/// Images as a terminal's escape sequences.
public struct TerminalPreview: Sendable, Hashable {
  /// How a terminal takes images.
  public enum Method: Sendable, Hashable {
    /// The kitty graphics protocol: kitty, Ghostty.
    case kitty
    /// The inline images of iTerm2; also WezTerm and mintty.
    case iTerm2
    /// DEC's sixel graphics: foot, mlterm, contour.
    case sixel
    /// Two pixels a character cell, in 24-bit colour.
    case halfBlocks
    /// Two pixels a character cell, in the 256 colours of xterm.
    case halfBlocks256
  }

  /// How the image is sent.
  public let method: Method
  /// The terminal's width in character cells.
  public let columns: Int
  /// The terminal's height in character cells.
  public let rows: Int

  /// A preview by a method that the caller knows.
  public init(method: Method, columns: Int = 80, rows: Int = 24) {
    self.method = method
    self.columns = max(2, columns)
    self.rows = max(2, rows)
  }

  /// The method of the terminal that the environment describes; nil where no image should be sent: into a pipe, to
  /// a terminal without cursor control, or where `NO_COLOR` is set and only coloured cells would be left.
  ///
  /// - Parameters:
  ///   - environment: The variables of the process.
  ///   - isTerminal: Whether the output goes to a terminal.
  ///   - columns: The terminal's width in character cells.
  ///   - rows: The terminal's height in character cells.
  public init?(environment: [String: String], isTerminal: Bool, columns: Int = 80, rows: Int = 24) {
    guard isTerminal, let method = TerminalDetection.method(environment) else { return nil }
    self.init(method: method, columns: columns, rows: rows)
  }

  /// The escape sequences that show an image at the cursor, and a line feed.
  ///
  /// - Throws: ``ImageError`` when the image cannot be encoded.
  public func sequence(for image: Image) throws -> String {
    switch method {
    case .kitty: return KittyGraphics.sequence(png: try image.pngData(), columns: cells(for: image))
    case .iTerm2: return ITermImage.sequence(png: try image.pngData(), columns: cells(for: image))
    case .sixel: return SixelEncoder.sequence(try image.thumbnail(side: min(1000, columns * 10)))
    case .halfBlocks:
      return try HalfBlocks.sequence(image, columns: columns, rows: rows, palette: .trueColor)
    case .halfBlocks256:
      return try HalfBlocks.sequence(image, columns: columns, rows: rows, palette: .xterm256)
    }
  }

  /// Never wider than the terminal, nor enlarged beyond about ten pixels a cell.
  private func cells(for image: Image) -> Int {
    max(1, min(columns - 1, (image.width + 9) / 10))
  }
}

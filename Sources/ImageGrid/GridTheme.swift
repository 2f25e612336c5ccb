public import ImageFeatures

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

import ImageFeatures

/// Fits pictures into a square so that both icons and photographs look sharp.
enum Thumbnail {
  /// Tiny pictures are enlarged by a whole number, with sharp pixels; large ones are reduced without aliasing; those
  /// between are enlarged smoothly to the square.
  static func fit(_ picture: Picture, side: Int) throws -> Picture {
    let longer = max(picture.width, picture.height)
    if longer > side { return try picture.thumbnail(side: side) }
    if longer * 2 <= side { return try picture.enlarged(side / longer) }
    var resampler = Resampler()
    return try resampler.resize(
      picture,
      width: max(1, picture.width * side / longer),
      height: max(1, picture.height * side / longer),
      interpolation: .bicubic
    )
  }
}

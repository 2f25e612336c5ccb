import ImageFeatures

/// Fits images into a square so that both icons and photographs look sharp.
enum Thumbnail {
  /// Tiny images are enlarged by a whole number, with sharp pixels; large ones are reduced without aliasing; those
  /// between are enlarged smoothly to the square.
  static func fit(_ image: Image, side: Int) throws -> Image {
    let longer = max(image.width, image.height)
    if longer > side { return try image.thumbnail(side: side) }
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

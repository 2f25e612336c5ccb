import ImageFeatures

/// Two pixels a cell: the upper half block in the upper pixel's colour on the lower pixel's.
enum HalfBlocks {
  enum Palette { case trueColor, xterm256 }

  static func sequence(_ image: Image, columns: Int, rows: Int, palette: Palette) throws -> String {
    let small = try fitted(image, columns: columns, rows: rows)
    var sequence = ""
    for y in stride(from: 0, to: small.height, by: 2) {
      var last: (upper: RGBColor, lower: RGBColor?)?
      for x in 0..<small.width {
        guard let upper = small.pixel(x: x, y: y) else { continue }
        let lower = small.pixel(x: x, y: y + 1)
        if last?.upper != upper || last?.lower != lower || last == nil {
          sequence += "\u{1B}[\(code(upper, palette, 38));\(lower.map { code($0, palette, 48) } ?? "49")m"
          last = (upper, lower)
        }
        sequence += "▀"
      }
      sequence += "\u{1B}[0m\n"
    }
    return sequence
  }

  /// Fits the terminal, leaving a line for the prompt.
  private static func fitted(_ image: Image, columns: Int, rows: Int) throws -> Image {
    let scale = min(
      1,
      Double(columns) / Double(image.width),
      Double(max(1, rows - 1) * 2) / Double(image.height)
    )
    guard scale < 1 else { return image }
    var resampler = Resampler()
    return try resampler.resize(
      image,
      width: max(1, Int(Double(image.width) * scale)),
      height: max(1, Int(Double(image.height) * scale)),
      interpolation: .bicubic
    )
  }

  private static func code(_ colour: RGBColor, _ palette: Palette, _ ground: Int) -> String {
    switch palette {
    case .trueColor: "\(ground);2;\(colour.red);\(colour.green);\(colour.blue)"
    case .xterm256: "\(ground);5;\(index256(colour))"
    }
  }

  /// The nearest of xterm's 6x6x6 cube (16...231) and its 24 greys (232...255).
  static func index256(_ colour: RGBColor) -> Int {
    let channels = [Int(colour.red), Int(colour.green), Int(colour.blue)]
    let levels = [0, 95, 135, 175, 215, 255]
    let cube = channels.map { channel in
      levels.indices.min { distance(levels[$0], channel) < distance(levels[$1], channel) } ?? 0
    }
    let grey = max(0, min(23, (channels.reduce(0, +) / 3 - 3) / 10))
    let cubeError = zip(cube, channels).map { distance(levels[$0], $1) }.reduce(0, +)
    let greyError = channels.map { distance(8 + 10 * grey, $0) }.reduce(0, +)
    return greyError < cubeError ? 232 + grey : 16 + 36 * cube[0] + 6 * cube[1] + cube[2]
  }

  private static func distance(_ a: Int, _ b: Int) -> Int { (a - b) * (a - b) }
}

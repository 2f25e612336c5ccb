public import ImageCodecs

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

/// What a terminal can show, told by the variables that terminals set for this purpose.
enum TerminalDetection {
  static func method(_ environment: [String: String]) -> TerminalPreview.Method? {
    let term = environment["TERM"] ?? ""
    let program = environment["TERM_PROGRAM"] ?? ""
    guard !term.isEmpty, term != "dumb" else { return nil }
    // A multiplexer passes no graphics through unless told to.
    let isMultiplexed =
      environment["TMUX"] != nil || environment["STY"] != nil || term.hasPrefix("screen")
      || term.hasPrefix("tmux")
    if !isMultiplexed {
      if environment["KITTY_WINDOW_ID"] != nil || ["xterm-kitty", "xterm-ghostty"].contains(term)
        || program == "ghostty"
      {
        return .kitty
      }
      if ["iTerm.app", "WezTerm", "mintty"].contains(program) || environment["LC_TERMINAL"] == "iTerm2" {
        return .iTerm2
      }
      if term.hasPrefix("foot") || term.hasPrefix("mlterm") || term.hasPrefix("contour")
        || term.contains("sixel")
      {
        return .sixel
      }
    }
    if let noColor = environment["NO_COLOR"], !noColor.isEmpty { return nil }
    let colours = environment["COLORTERM"] ?? ""
    if colours == "truecolor" || colours == "24bit" || term.hasSuffix("-direct") { return .halfBlocks }
    return term.contains("256color") ? .halfBlocks256 : nil
  }
}

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

/// kitty's graphics protocol: a PNG file in base64, in pieces of at most 4096 characters.
enum KittyGraphics {
  static func sequence(png: [UInt8], columns: Int) -> String {
    let payload = Array(Base64.encode(png).utf8)
    var sequence = ""
    var start = 0
    repeat {
      let end = min(start + 4096, payload.count)
      let more = end < payload.count ? 1 : 0
      let keys = start == 0 ? "a=T,f=100,q=2,c=\(columns),m=\(more)" : "q=2,m=\(more)"
      sequence += "\u{1B}_G\(keys);\(String(decoding: payload[start..<end], as: UTF8.self))\u{1B}\\"
      start = end
    } while start < payload.count
    return sequence + "\n"
  }
}

/// iTerm2's inline images: one OSC 1337 with a PNG file in base64.
enum ITermImage {
  static func sequence(png: [UInt8], columns: Int) -> String {
    "\u{1B}]1337;File=inline=1;size=\(png.count);width=\(columns);preserveAspectRatio=1:\(Base64.encode(png))\u{07}\n"
  }
}

/// DEC's sixel graphics: bands of six rows, one run of characters for each colour of a band.
enum SixelEncoder {
  static func sequence(_ image: Image) -> String {
    let indexed = SixelPalette.quantize(image)
    var output: [UInt8] = Array("\u{1B}P0;1q\"1;1;\(image.width);\(image.height)".utf8)
    for (index, colour) in indexed.colours.enumerated() {
      output += "#\(index);2;\(percent(colour.red));\(percent(colour.green));\(percent(colour.blue))".utf8
    }
    for top in stride(from: 0, to: image.height, by: 6) {
      appendBand(indexed.pixels, image.width, rows: top..<min(top + 6, image.height), to: &output)
    }
    return String(decoding: output, as: UTF8.self) + "\u{1B}\\\n"
  }

  private static func percent(_ level: UInt8) -> Int { (Int(level) * 100 + 127) / 255 }

  private static func appendBand(_ pixels: [UInt8], _ width: Int, rows: Range<Int>, to output: inout [UInt8])
  {
    var masks: [UInt8: [UInt8]] = [:]
    for (bit, row) in rows.enumerated() {
      for x in 0..<width {
        masks[pixels[row * width + x], default: [UInt8](repeating: 0, count: width)][x] |= 1 << UInt8(bit)
      }
    }
    for (position, colour) in masks.keys.sorted().enumerated() {
      if position > 0 { output.append(UInt8(ascii: "$")) }
      output += "#\(colour)".utf8
      appendRuns(masks[colour] ?? [], to: &output)
    }
    output.append(UInt8(ascii: "-"))
  }

  /// Four or more equal sixels are written as `!count`.
  private static func appendRuns(_ masks: [UInt8], to output: inout [UInt8]) {
    var start = 0
    while start < masks.count {
      let mask = masks[start]
      let end = masks[start...].firstIndex { $0 != mask } ?? masks.count
      let character = 0x3F + mask
      if end - start > 3 {
        output += "!\(end - start)".utf8
        output.append(character)
      } else {
        output += [UInt8](repeating: character, count: end - start)
      }
      start = end
    }
  }
}

/// At most 256 colours for an image, by median cut over its 5-bit colour histogram.
enum SixelPalette {
  struct Indexed {
    var colours: [RGBColor]
    var pixels: [UInt8]
  }

  static func quantize(_ image: Image) -> Indexed {
    var counts = [Int](repeating: 0, count: 1 << 15)
    for pixel in 0..<image.width * image.height { counts[bin(image.rgb, pixel)] += 1 }
    var boxes = [Box(bins: counts.indices.filter { counts[$0] > 0 }, counts)]
    while boxes.count < 256, let widest = boxes.indices.max(by: { boxes[$0].weight < boxes[$1].weight }),
      let halves = boxes[widest].split(counts)
    {
      boxes[widest] = halves.0
      boxes.append(halves.1)
    }
    return indexed(image, boxes)
  }

  /// Each box's colour is the mean of its pixels, so flat colours survive exactly.
  private static func indexed(_ image: Image, _ boxes: [Box]) -> Indexed {
    var boxOfBin = [UInt8](repeating: 0, count: 1 << 15)
    for (index, box) in boxes.enumerated() {
      for bin in box.bins { boxOfBin[bin] = UInt8(index) }
    }
    var sums = [[Int]](repeating: [0, 0, 0, 0], count: boxes.count)
    var pixels = [UInt8](repeating: 0, count: image.width * image.height)
    for pixel in pixels.indices {
      let index = boxOfBin[bin(image.rgb, pixel)]
      pixels[pixel] = index
      for channel in 0..<3 { sums[Int(index)][channel] += Int(image.rgb[pixel * 3 + channel]) }
      sums[Int(index)][3] += 1
    }
    let colours = sums.map { sum in
      let means = sum.prefix(3).map { UInt8(($0 + sum[3] / 2) / max(1, sum[3])) }
      return RGBColor(red: means[0], green: means[1], blue: means[2])
    }
    return Indexed(colours: colours, pixels: pixels)
  }

  private static func bin(_ rgb: [UInt8], _ pixel: Int) -> Int {
    Int(rgb[pixel * 3] >> 3) << 10 | Int(rgb[pixel * 3 + 1] >> 3) << 5 | Int(rgb[pixel * 3 + 2] >> 3)
  }

  private struct Box {
    let bins: [Int]
    /// Pixels times the longest side; zero when it cannot be split.
    let weight: Int
    private let axis: Int

    init(bins: [Int], _ counts: [Int]) {
      self.bins = bins
      let spans = (0..<3).map { axis in
        let levels = bins.map { Box.level($0, axis) }
        return (levels.max() ?? 0) - (levels.min() ?? 0)
      }
      let span = spans.max() ?? 0
      axis = spans.firstIndex(of: span) ?? 0
      weight = bins.reduce(0) { $0 + counts[$1] } * span
    }

    func split(_ counts: [Int]) -> (Box, Box)? {
      guard weight > 0 else { return nil }
      let sorted = bins.sorted { Box.level($0, axis) < Box.level($1, axis) }
      let half = sorted.reduce(0) { $0 + counts[$1] } / 2
      var below = 0
      var cut = 0
      while cut < sorted.count - 1, cut == 0 || below + counts[sorted[cut]] <= half {
        below += counts[sorted[cut]]
        cut += 1
      }
      return (Box(bins: Array(sorted[..<cut]), counts), Box(bins: Array(sorted[cut...]), counts))
    }

    private static func level(_ bin: Int, _ axis: Int) -> Int { bin >> (10 - 5 * axis) & 31 }
  }
}

import ImageCodecs

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

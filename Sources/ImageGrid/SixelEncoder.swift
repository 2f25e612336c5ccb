import ImageFeatures

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

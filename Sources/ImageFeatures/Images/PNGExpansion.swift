/// Turns unfiltered PNG rows of any colour type and depth into RGB (and alpha, when wanted).
struct PNGExpansion {
  private let header: PNGHeader
  private let keepsAlpha: Bool
  private let grey16: Image.DecodingOptions.Grey16
  /// Red, green, blue, alpha of each of 256 palette entries; entries that the file leaves out are black.
  private let palette: [UInt8]
  /// The one transparent grey or colour of a tRNS chunk, in the file's own depth.
  private let transparentSamples: [Int]

  init(_ chunks: PNGChunks, keepsAlpha: Bool, grey16: Image.DecodingOptions.Grey16) {
    header = chunks.header
    self.keepsAlpha = keepsAlpha
    self.grey16 = grey16
    var entries = [UInt8](repeating: 0, count: 1024)
    for entry in 0..<256 {
      for channel in 0..<3 where entry * 3 + channel < chunks.palette.count {
        entries[entry * 4 + channel] = chunks.palette[entry * 3 + channel]
      }
      entries[entry * 4 + 3] = entry < chunks.transparency.count ? chunks.transparency[entry] : 255
    }
    palette = entries
    let bytes = chunks.transparency
    transparentSamples = stride(from: 0, to: bytes.count - 1, by: 2)
      .map { Int(bytes[$0]) << 8 | Int(bytes[$0 + 1]) }
  }

  func emptyRaster() -> Raster {
    let pixels = header.width * header.height
    let hasAlpha = header.colour == .greyAlpha || header.colour == .rgba || header.colour == .palette
    let isTransparent = keepsAlpha && (hasAlpha || !transparentSamples.isEmpty)
    return Raster(
      width: header.width,
      height: header.height,
      rgb: [UInt8](repeating: 0, count: pixels * 3),
      alpha: isTransparent ? [UInt8](repeating: 255, count: pixels) : nil
    )
  }

  /// Expands one row into the pixels `from`, `from + step`, ….
  func expand(_ row: [UInt8], columns: Int, into raster: inout Raster, from: Int, step: Int) {
    var alpha = raster.alpha
    raster.alpha = nil
    row.withUnsafeBufferPointer { row in
      raster.rgb.withUnsafeMutableBufferPointer { rgb in
        if header.bitDepth == 8, header.colour == .rgb, step == 1 {
          for i in 0..<columns * 3 { rgb[from * 3 + i] = row[i] }
        } else {
          expand(row, columns, rgb, from, step)
        }
      }
      if alpha != nil {
        alpha?.withUnsafeMutableBufferPointer { expandAlpha(row, columns, $0, from, step) }
      }
    }
    raster.alpha = alpha
  }

  private func expand(
    _ row: UnsafeBufferPointer<UInt8>,
    _ columns: Int,
    _ rgb: UnsafeMutableBufferPointer<UInt8>,
    _ from: Int,
    _ step: Int
  ) {
    let sampleBytes = header.bitDepth == 16 ? 2 : 1
    let pixelBytes = header.colour.channels * sampleBytes
    for column in 0..<columns {
      let target = (from + column * step) * 3
      switch header.colour {
      case .rgb, .rgba:
        for channel in 0..<3 { rgb[target + channel] = row[column * pixelBytes + channel * sampleBytes] }
      case .greyAlpha:
        for channel in 0..<3 { rgb[target + channel] = row[column * pixelBytes] }
      case .grey:
        let level = grey(sample(row, column))
        for channel in 0..<3 { rgb[target + channel] = level }
      case .palette:
        let entry = sample(row, column) * 4
        for channel in 0..<3 { rgb[target + channel] = palette[entry + channel] }
      }
    }
  }

  /// The value of a one-channel pixel in the file's own depth.
  private func sample(_ row: UnsafeBufferPointer<UInt8>, _ column: Int) -> Int {
    switch header.bitDepth {
    case 8: return Int(row[column])
    case 16: return Int(row[column * 2]) << 8 | Int(row[column * 2 + 1])
    default:
      let bit = column * header.bitDepth
      let shift = 8 - header.bitDepth - bit % 8
      return Int(row[bit / 8]) >> shift & ((1 << header.bitDepth) - 1)
    }
  }

  private func grey(_ sample: Int) -> UInt8 {
    switch header.bitDepth {
    case 16: return grey16.level(sample)
    case 8: return UInt8(sample)
    default: return UInt8(sample * 255 / ((1 << header.bitDepth) - 1))
    }
  }

  private func expandAlpha(
    _ row: UnsafeBufferPointer<UInt8>,
    _ columns: Int,
    _ alpha: UnsafeMutableBufferPointer<UInt8>,
    _ from: Int,
    _ step: Int
  ) {
    let sampleBytes = header.bitDepth == 16 ? 2 : 1
    let channels = header.colour.channels
    for column in 0..<columns {
      let target = from + column * step
      switch header.colour {
      case .rgba, .greyAlpha:
        alpha[target] = row[(column * channels + channels - 1) * sampleBytes]
      case .palette:
        alpha[target] = palette[sample(row, column) * 4 + 3]
      case .grey:
        alpha[target] = transparentSamples.first == sample(row, column) ? 0 : 255
      case .rgb:
        alpha[target] = isTransparentColour(row, column) ? 0 : 255
      }
    }
  }

  private func isTransparentColour(_ row: UnsafeBufferPointer<UInt8>, _ column: Int) -> Bool {
    guard transparentSamples.count >= 3 else { return false }
    return (0..<3).allSatisfy { sample(row, column * 3 + $0) == transparentSamples[$0] }
  }
}

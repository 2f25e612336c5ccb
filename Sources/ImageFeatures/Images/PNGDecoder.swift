/// PNG to RGB with the pixels that Pillow's `convert("RGB")` gives: every colour type, depth and interlacing.
///
/// libgd keeps seven bits of alpha and libpng reports errors by `longjmp`, which Swift frames do not survive;
/// so the format's few steps (inflate, unfilter, expand) are written here.
struct PNGDecoder {
  private let chunks: PNGChunks
  private let expansion: PNGExpansion
  private let inflater: Inflater
  private var nextChunk = 0
  private var input = UnsafeRawBufferPointer(start: nil, count: 0)

  static func decode(_ bytes: UnsafeRawBufferPointer, _ options: Image.DecodingOptions) throws -> Image {
    let chunks = try PNGChunks(bytes)
    try options.checkSize(width: chunks.header.width, height: chunks.header.height)
    do {
      var decoder = PNGDecoder(chunks, options, try Inflater(.zlib))
      let image = try decoder.raster().composited(on: options.background)
      return options.appliesOrientation ? image.oriented(chunks.orientation) : image
    } catch let failure as Inflater.Failure {
      throw ImageError(.damaged, "\(failure.reason); copy or download the file again")
    }
  }

  private init(_ chunks: PNGChunks, _ options: Image.DecodingOptions, _ inflater: Inflater) {
    self.chunks = chunks
    self.inflater = inflater
    expansion = PNGExpansion(chunks, keepsAlpha: options.background != nil, grey16: options.grey16)
  }

  private mutating func raster() throws -> Raster {
    let header = chunks.header
    try checkPlausible()
    var raster = expansion.emptyRaster()
    for pass in header.passes {
      let columns = pass.columns(of: header)
      let rows = pass.rows(of: header)
      guard columns > 0 else { continue }
      var filter = PNGFilter(
        bytesPerRow: header.bytesPerRow(width: columns),
        bitsPerPixel: header.bitsPerPixel
      )
      for row in 0..<rows {
        try filter.withNextRow { try fill($0) }
        let pixel = (pass.y0 + row * pass.dy) * header.width + pass.x0
        expansion.expand(filter.row, columns: columns, into: &raster, from: pixel, step: pass.dx)
      }
    }
    return raster
  }

  /// Deflate shrinks at most 1032 to 1, so a header may not promise more than its data can hold.
  private func checkPlausible() throws {
    let compressed = chunks.imageData.reduce(0) { $0 + $1.count }
    let rows = chunks.header.bytesPerRow(width: chunks.header.width) * chunks.header.height
    guard rows / 1032 <= compressed else {
      throw ImageError(
        .truncated,
        "\(compressed) bytes of data cannot hold \(chunks.header.width)x\(chunks.header.height) pixels"
      )
    }
  }

  private mutating func fill(_ output: UnsafeMutableRawBufferPointer) throws {
    var filled = 0
    while filled < output.count {
      if input.isEmpty, nextChunk < chunks.imageData.count {
        input = chunks.imageData[nextChunk]
        nextChunk += 1
        continue
      }
      guard !inflater.isFinished else { throw truncated }
      let rest = UnsafeMutableRawBufferPointer(rebasing: output[filled...])
      let (consumed, produced) = try inflater.inflate(input, into: rest)
      input = UnsafeRawBufferPointer(rebasing: input[consumed...])
      filled += produced
      guard consumed > 0 || produced > 0 || nextChunk < chunks.imageData.count else { throw truncated }
    }
  }

  private var truncated: ImageError {
    ImageError(.truncated, "the PNG file ends before the image does; copy or download it again")
  }
}

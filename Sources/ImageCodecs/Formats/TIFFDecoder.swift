import CTIFF
import FoundationEssentials

/// The first page of a TIFF file, turned upright as Pillow does for this format, through libtiff, which reports errors
/// by return values.
///
/// 8-bit grey and RGB, and 16-bit grey, are read as they are stored; everything else (palettes, CMYK, YCbCr, 16 bits, tiles) as libtiff's
/// RGBA interface renders it.
enum TIFFDecoder {
  /// libtiff's messages would go to standard error.
  private static let silence: Void = {
    TIFFSetErrorHandler(nil)
    TIFFSetWarningHandler(nil)
  }()

  static func decode(_ bytes: UnsafeRawBufferPointer, _ options: Image.DecodingOptions) throws -> Image {
    if let problem = adbvec_tiff_problem() { throw ImageError(.unsupported, String(cString: problem)) }
    _ = silence
    let source = TIFFMemory(bytes)
    return try withExtendedLifetime(source) {
      guard let tiff = source.open() else { throw damaged }
      defer { TIFFClose(tiff) }
      let width = Int(adbvec_tiff_uint32(tiff, UInt32(TIFFTAG_IMAGEWIDTH)))
      let height = Int(adbvec_tiff_uint32(tiff, UInt32(TIFFTAG_IMAGELENGTH)))
      try options.checkSize(width: width, height: height)
      try checkPlausible(bytes, tiff, width, height)
      let orientation = Int32(adbvec_tiff_uint16(tiff, UInt32(TIFFTAG_ORIENTATION)))
      let raster =
        try plainRaster(tiff, width, height, options)
        ?? rendered(tiff, width, height, orientation, keepsAlpha: options.background != nil)
      return try raster.composited(on: options.background).oriented(Int(orientation)).converted(options) {
        var count: UInt32 = 0
        return adbvec_tiff_profile(tiff, &count).map {
          .icc(Array(UnsafeRawBufferPointer(start: $0, count: Int(count))))
        }
      }
    }
  }

  /// The size of the first page.
  static func size(_ bytes: UnsafeRawBufferPointer) throws -> (width: Int, height: Int) {
    if let problem = adbvec_tiff_problem() { throw ImageError(.unsupported, String(cString: problem)) }
    _ = silence
    let source = TIFFMemory(bytes)
    return try withExtendedLifetime(source) {
      guard let tiff = source.open() else { throw damaged }
      defer { TIFFClose(tiff) }
      return (
        Int(adbvec_tiff_uint32(tiff, UInt32(TIFFTAG_IMAGEWIDTH))),
        Int(adbvec_tiff_uint32(tiff, UInt32(TIFFTAG_IMAGELENGTH)))
      )
    }
  }

  /// Uncompressed pixels must be in the file; no compression of TIFF reaches more than about 1 to 65,536.
  private static func checkPlausible(
    _ bytes: UnsafeRawBufferPointer,
    _ tiff: OpaquePointer,
    _ width: Int,
    _ height: Int
  )
    throws
  {
    let bits = Int(adbvec_tiff_uint16(tiff, UInt32(TIFFTAG_BITSPERSAMPLE)))
    let samples = Int(adbvec_tiff_uint16(tiff, UInt32(TIFFTAG_SAMPLESPERPIXEL)))
    let isPlain = adbvec_tiff_uint16(tiff, UInt32(TIFFTAG_COMPRESSION)) == COMPRESSION_NONE
    let size = width * height / 8 * max(1, bits) * max(1, min(samples, 4))
    guard size / (isPlain ? 1 : 65_536) <= bytes.count else {
      throw ImageError(.truncated, "\(bytes.count) bytes cannot hold \(width)x\(height) pixels")
    }
  }

  private static func plainRaster(
    _ tiff: OpaquePointer,
    _ width: Int,
    _ height: Int,
    _ options: Image.DecodingOptions
  ) throws -> Raster? {
    let samples = Int(adbvec_tiff_uint16(tiff, UInt32(TIFFTAG_SAMPLESPERPIXEL)))
    let photometric = Int32(adbvec_tiff_uint16(tiff, UInt32(TIFFTAG_PHOTOMETRIC)))
    let bits = Int(adbvec_tiff_uint16(tiff, UInt32(TIFFTAG_BITSPERSAMPLE)))
    let colours = photometric == PHOTOMETRIC_RGB ? 3 : photometric == PHOTOMETRIC_MINISBLACK ? 1 : 0
    guard colours > 0, (colours...colours + 1).contains(samples), bits == 8 || bits == 16 && samples == 1,
      TIFFIsTiled(tiff) == 0,
      Int32(adbvec_tiff_uint16(tiff, UInt32(TIFFTAG_PLANARCONFIG))) == PLANARCONFIG_CONTIG,
      Int(TIFFScanlineSize64(tiff)) == width * samples * bits / 8
    else { return nil }
    let keepsAlpha = options.background != nil && samples > colours
    var rgb = [UInt8](repeating: 0, count: width * height * 3)
    var alpha = keepsAlpha ? [UInt8](repeating: 255, count: width * height) : nil
    var line = [UInt8](repeating: 0, count: width * samples * bits / 8)
    for y in 0..<height {
      guard TIFFReadScanline(tiff, &line, UInt32(y), 0) == 1 else { throw damaged }
      if bits == 16 { narrow(&line, options.grey16) }
      for x in 0..<width {
        for channel in 0..<3 {
          rgb[(y * width + x) * 3 + channel] = line[x * samples + min(channel, colours - 1)]
        }
        if keepsAlpha { alpha?[y * width + x] = line[x * samples + colours] }
      }
    }
    return Raster(width: width, height: height, rgb: rgb, alpha: alpha)
  }

  /// Replaces 16-bit samples, which libtiff has put into this machine's byte order, by 8-bit ones in the front half.
  private static func narrow(_ line: inout [UInt8], _ grey16: Image.DecodingOptions.Grey16) {
    line.withUnsafeMutableBytes { line in
      for x in 0..<line.count / 2 {
        line[x] = grey16.level(Int(line.loadUnaligned(fromByteOffset: x * 2, as: UInt16.self)))
      }
    }
  }

  /// The rows and columns as they are stored: libtiff is asked for the orientation that the file has.
  private static func rendered(
    _ tiff: OpaquePointer,
    _ width: Int,
    _ height: Int,
    _ orientation: Int32,
    keepsAlpha: Bool
  ) throws -> Raster {
    var pixels = [UInt32](repeating: 0, count: width * height)
    let status = TIFFReadRGBAImageOriented(tiff, UInt32(width), UInt32(height), &pixels, orientation, 1)
    guard status == 1 else { throw damaged }
    return pixels.withUnsafeBytes { bytes in
      Raster(rgba: bytes.bindMemory(to: UInt8.self), width: width, height: height, keepsAlpha: keepsAlpha)
    }
  }

  private static var damaged: ImageError {
    ImageError(.damaged, "the TIFF file is cut off, damaged or of an unusual kind; convert it to PNG")
  }
}

/// Borrowed bytes as the file that libtiff reads.
final class TIFFMemory {
  private let bytes: UnsafeRawBufferPointer
  private var position = 0

  init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

  /// The opened file; this object must outlive it.
  func open() -> OpaquePointer? {
    TIFFClientOpen(
      "image",
      "rm",
      Unmanaged.passUnretained(self).toOpaque(),
      { tmsize_t(TIFFMemory.of($0)?.read(into: $1, count: Int($2)) ?? 0) },
      { _, _, _ in 0 },
      { TIFFMemory.of($0)?.seek($1, $2) ?? 0 },
      { _ in 0 },
      { UInt64(TIFFMemory.of($0)?.bytes.count ?? 0) },
      { _, _, _ in 0 },
      { _, _, _ in }
    )
  }

  private static func of(_ handle: UnsafeMutableRawPointer?) -> TIFFMemory? {
    handle.map { Unmanaged<TIFFMemory>.fromOpaque($0).takeUnretainedValue() }
  }

  private func read(into target: UnsafeMutableRawPointer?, count: Int) -> Int {
    let available = max(0, min(count, bytes.count - position))
    guard available > 0, let target, let base = bytes.baseAddress else { return 0 }
    target.copyMemory(from: base + position, byteCount: available)
    position += available
    return available
  }

  private func seek(_ offset: UInt64, _ whence: Int32) -> UInt64 {
    let base = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? position : bytes.count
    let target = UInt64(base) &+ offset
    position = Int(clamping: target)
    return target
  }
}

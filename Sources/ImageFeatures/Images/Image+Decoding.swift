public import Foundation

extension Image {
  /// Decodes an image file held in memory: JPEG, PNG, WebP, GIF, BMP or TIFF, recognised by its first bytes.
  ///
  /// - Parameters:
  ///   - bytes: The whole file.
  ///   - name: The file's name, for errors.
  ///   - options: Limits, alpha, orientation.
  /// - Throws: ``ImageError`` that names the file and says what to do.
  public init(
    decoding bytes: UnsafeRawBufferPointer,
    name: String? = nil,
    options: DecodingOptions = DecodingOptions()
  ) throws {
    do {
      guard bytes.count <= options.maximumBytes else {
        throw ImageError(
          .tooLarge,
          "\(bytes.count) bytes are more than the limit of \(options.maximumBytes)"
        )
      }
      self = try Self.decode(bytes, options)
    } catch let error as ImageError {
      throw error.naming(name)
    } catch is ByteCursor.OutOfBounds {
      throw ImageError(.truncated, "the file ends too early; copy or download it again", file: name)
    }
  }

  /// Decodes an image file held in an array; see ``init(decoding:name:options:)-(UnsafeRawBufferPointer,_,_)``.
  public init(
    decoding bytes: [UInt8],
    name: String? = nil,
    options: DecodingOptions = DecodingOptions()
  ) throws {
    self = try bytes.withUnsafeBytes { try Image(decoding: $0, name: name, options: options) }
  }

  /// Decodes an image file held in `Data`; see ``init(decoding:name:options:)-(UnsafeRawBufferPointer,_,_)``.
  public init(
    decoding data: Data,
    name: String? = nil,
    options: DecodingOptions = DecodingOptions()
  ) throws {
    self = try data.withUnsafeBytes { try Image(decoding: $0, name: name, options: options) }
  }

  /// Reads and decodes an image file.
  ///
  /// - Throws: ``ImageError`` that names the file and says what to do.
  public init(contentsOfFile path: String, options: DecodingOptions = DecodingOptions()) throws {
    let bytes = try FileBytes.read(path, limit: options.maximumBytes)
    try self.init(decoding: bytes, name: path, options: options)
  }

  private static func decode(_ bytes: UnsafeRawBufferPointer, _ options: DecodingOptions) throws -> Image {
    guard let format = ImageFormat(signatureOf: bytes) else {
      let reason = bytes.isEmpty ? "the file is empty" : ImageFormat.foreignKind(bytes) ?? "not an image"
      throw ImageError(.notAImage, "\(reason); JPEG, PNG, WebP, GIF, BMP and TIFF can be read")
    }
    switch format {
    case .png:
      return try PNGDecoder.decode(bytes, options)
    case .jpeg:
      return try JPEGDecoder.decode(bytes, options)
    case .webp:
      return try WebPDecoder.decode(bytes, options)
    case .gif:
      return try GIFDecoder.decode(bytes, options).composited(on: options.background)
    case .bmp:
      return try BMPDecoder.decode(bytes, options).composited(on: options.background)
    case .tiff:
      return try TIFFDecoder.decode(bytes, options)
    }
  }
}

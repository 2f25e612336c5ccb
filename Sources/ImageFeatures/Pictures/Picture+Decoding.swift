public import Foundation

extension Picture {
  /// Decodes a picture file held in memory: JPEG, PNG, WebP, GIF, BMP or TIFF, recognised by its first bytes.
  ///
  /// - Parameters:
  ///   - bytes: The whole file.
  ///   - name: The file's name, for errors.
  ///   - options: Limits, alpha, orientation.
  /// - Throws: ``PictureError`` that names the file and says what to do.
  public init(
    decoding bytes: UnsafeRawBufferPointer,
    name: String? = nil,
    options: DecodingOptions = DecodingOptions()
  ) throws {
    do {
      guard bytes.count <= options.maximumBytes else {
        throw PictureError(
          .tooLarge,
          "\(bytes.count) bytes are more than the limit of \(options.maximumBytes)"
        )
      }
      self = try Self.decode(bytes, options)
    } catch let error as PictureError {
      throw error.naming(name)
    } catch is ByteCursor.OutOfBounds {
      throw PictureError(.truncated, "the file ends too early; copy or download it again", file: name)
    }
  }

  /// Decodes a picture file held in an array; see ``init(decoding:name:options:)-(UnsafeRawBufferPointer,_,_)``.
  public init(
    decoding bytes: [UInt8],
    name: String? = nil,
    options: DecodingOptions = DecodingOptions()
  ) throws {
    self = try bytes.withUnsafeBytes { try Picture(decoding: $0, name: name, options: options) }
  }

  /// Decodes a picture file held in `Data`; see ``init(decoding:name:options:)-(UnsafeRawBufferPointer,_,_)``.
  public init(
    decoding data: Data,
    name: String? = nil,
    options: DecodingOptions = DecodingOptions()
  ) throws {
    self = try data.withUnsafeBytes { try Picture(decoding: $0, name: name, options: options) }
  }

  /// Reads and decodes a picture file.
  ///
  /// - Throws: ``PictureError`` that names the file and says what to do.
  public init(contentsOfFile path: String, options: DecodingOptions = DecodingOptions()) throws {
    let bytes = try FileBytes.read(path, limit: options.maximumBytes)
    try self.init(decoding: bytes, name: path, options: options)
  }

  private static func decode(_ bytes: UnsafeRawBufferPointer, _ options: DecodingOptions) throws -> Picture {
    guard let format = PictureFormat(signatureOf: bytes) else {
      let reason = bytes.isEmpty ? "the file is empty" : PictureFormat.foreignKind(bytes) ?? "not a picture"
      throw PictureError(.notAPicture, "\(reason); JPEG, PNG, WebP, GIF, BMP and TIFF can be read")
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

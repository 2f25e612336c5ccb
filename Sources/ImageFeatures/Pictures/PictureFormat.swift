/// The file formats that are recognised, by their first bytes (a file's name says nothing).
public enum PictureFormat: String, Sendable, Hashable, CaseIterable {
  /// Joint Photographic Experts Group.
  case jpeg = "JPEG"
  /// Portable Network Graphics.
  case png = "PNG"
  /// WebP, lossy or lossless.
  case webp = "WebP"
  /// Graphics Interchange Format; the first frame is read.
  case gif = "GIF"
  /// Windows bitmap.
  case bmp = "BMP"
  /// Tagged Image File Format; the first page is read.
  case tiff = "TIFF"

  /// The format that the first bytes of a file announce; nil when it is none of these.
  public init?(signatureOf bytes: some Sequence<UInt8>) {
    let head = Array(bytes.prefix(12))
    func starts(_ magic: [UInt8], at offset: Int = 0) -> Bool {
      head.dropFirst(offset).starts(with: magic)
    }
    if starts([0xFF, 0xD8, 0xFF]) {
      self = .jpeg
    } else if starts([0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]) {
      self = .png
    } else if starts(Array("RIFF".utf8)), starts(Array("WEBP".utf8), at: 8) {
      self = .webp
    } else if starts(Array("GIF87a".utf8)) || starts(Array("GIF89a".utf8)) {
      self = .gif
    } else if starts(Array("BM".utf8)) {
      self = .bmp
    } else if starts([0x49, 0x49, 0x2A, 0x00]) || starts([0x4D, 0x4D, 0x00, 0x2A]) {
      self = .tiff
    } else {
      return nil
    }
  }

  /// The usual file extensions of all formats, lower case, without the dot.
  public static let fileExtensions: Set<String> = [
    "jpg", "jpeg", "jpe", "jfif", "png", "webp", "gif", "bmp", "dib", "tif", "tiff",
  ]
}

/// A Content-Type header taken apart.
struct ContentType: Hashable {
  /// `image/jpeg`, lower case.
  let type: String
  /// The parameters, names in lower case.
  let parameters: [String: String]

  init?(_ header: String?) {
    guard let header else { return nil }
    var parts = header.split(separator: ";").map { $0.trimmed }
    guard let first = parts.first, first.split(separator: "/").count == 2 else { return nil }
    parts.removeFirst()
    type = first.lowercased()
    var parameters: [String: String] = [:]
    for part in parts {
      let pair = part.split(separator: "=", maxSplits: 1).map { $0.trimmed }
      guard pair.count == 2 else { return nil }
      parameters[pair[0].lowercased()] = pair[1].unquoted
    }
    self.parameters = parameters
  }

  /// The types of images that are taken.
  static let images = ["image/jpeg", "image/png", "image/webp", "image/gif", "image/bmp", "image/tiff"]

  /// The type of an image file by its first bytes; nil when it is none that a browser may be given.
  static func image(_ bytes: [UInt8]) -> String? {
    func starts(_ magic: [UInt8], at offset: Int = 0) -> Bool { bytes.dropFirst(offset).starts(with: magic) }
    if starts([0xFF, 0xD8, 0xFF]) { return "image/jpeg" }
    if starts([0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]) { return "image/png" }
    if starts(Array("RIFF".utf8)), starts(Array("WEBP".utf8), at: 8) { return "image/webp" }
    if starts(Array("GIF8".utf8)) { return "image/gif" }
    if starts(Array("BM".utf8)) { return "image/bmp" }
    if starts([0x49, 0x49, 0x2A, 0x00]) || starts([0x4D, 0x4D, 0x00, 0x2A]) { return "image/tiff" }
    return nil
  }
}

extension StringProtocol {
  var trimmed: String {
    var text = self[...]
    while let first = text.first, first == " " || first == "\t" { text = text.dropFirst() }
    while let last = text.last, last == " " || last == "\t" { text = text.dropLast() }
    return String(text)
  }

  /// A quoted string of RFC 9110 without its quotes.
  var unquoted: String {
    guard count >= 2, first == "\"", last == "\"" else { return String(self) }
    return String(dropFirst().dropLast()).replacing("\\\"", with: "\"")
  }
}

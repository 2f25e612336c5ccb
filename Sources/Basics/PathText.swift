/// Paths as text that leads back to the same bytes: a file's name need not be UTF-8.
///
/// A path in UTF-8 is its own text. Any other one is a `file:` URI (RFC 8089) with the bytes outside the unreserved
/// characters percent-encoded: `file:///photos/l%E9.jpg`, and `file:l%E9.jpg` for a relative path.
package enum PathText {
  private static let scheme = "file:"
  private static let hexadecimal = Array("0123456789ABCDEF".utf8)

  /// The text of a path.
  package static func text(_ path: some Collection<UInt8>) -> String {
    if let plain = String(validating: path, as: UTF8.self), !plain.hasPrefix(scheme) { return plain }
    let isAbsolute = path.first == UInt8(ascii: "/")
    var encoded = Array((isAbsolute ? scheme + "//" : scheme).utf8)
    for byte in path {
      if isUnreserved(byte) {
        encoded.append(byte)
      } else {
        encoded += [UInt8(ascii: "%"), hexadecimal[Int(byte >> 4)], hexadecimal[Int(byte & 15)]]
      }
    }
    return String(decoding: encoded, as: UTF8.self)
  }

  /// The path that a text stands for.
  package static func bytes(_ text: String) -> [UInt8] {
    guard text.hasPrefix(scheme) else { return Array(text.utf8) }
    var rest = Array(text.utf8.dropFirst(scheme.utf8.count))[...]
    if rest.starts(with: Array("///".utf8)) { rest = rest.dropFirst(2) }
    var path: [UInt8] = []
    path.reserveCapacity(rest.count)
    while let byte = rest.popFirst() {
      if byte == UInt8(ascii: "%"), rest.count >= 2,
        let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16)
      {
        path.append(value)
        rest = rest.dropFirst(2)
      } else {
        path.append(byte)
      }
    }
    return path
  }

  private static func isUnreserved(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"):
      true
    default: "/-._~".utf8.contains(byte)
    }
  }
}

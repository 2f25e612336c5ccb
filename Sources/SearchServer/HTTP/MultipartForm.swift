/// A `multipart/form-data` body (RFC 7578), taken apart strictly.
struct MultipartForm {
  /// One field or file.
  struct Part {
    var name: String
    var fileName: String?
    var bytes: ArraySlice<UInt8>
  }

  let parts: [Part]

  private static let maximumParts = 32
  private static let maximumHeaderBytes = 4_096

  /// - Throws: `HTTPError` when the body breaks the format, ends early, or has too many parts.
  init(_ body: [UInt8], boundary: String) throws {
    guard (1...70).contains(boundary.utf8.count) else {
      throw Self.broken("its boundary is missing or too long")
    }
    let delimiter = Array("\r\n--\(boundary)".utf8)
    // The first boundary has no line break before it.
    guard body.starts(with: delimiter.dropFirst(2)) else {
      throw Self.broken("it does not begin with its boundary")
    }
    var position = delimiter.count - 2
    var parts: [Part] = []
    while true {
      let rest = body[position...]
      if rest.starts(with: Array("--".utf8)) { break }
      guard rest.starts(with: Array("\r\n".utf8)) else {
        throw Self.broken("a boundary is followed by something else")
      }
      guard parts.count < Self.maximumParts else {
        throw Self.broken("it has more than \(Self.maximumParts) parts")
      }
      guard let end = Self.find(delimiter, in: body[...], from: position + 2) else {
        throw Self.broken("it ends early")
      }
      parts.append(try Self.part(body[(position + 2)..<end]))
      position = end + delimiter.count
    }
    self.parts = parts
  }

  /// The one file or field with a name; nil when there is none.
  func part(_ name: String) throws -> Part? {
    let named = parts.filter { $0.name == name }
    guard named.count <= 1 else { throw HTTPError.invalid("the form has \(name) twice") }
    return named.first
  }

  private static func part(_ bytes: ArraySlice<UInt8>) throws -> Part {
    guard let end = find(Array("\r\n\r\n".utf8), in: bytes, from: bytes.startIndex),
      end - bytes.startIndex <= maximumHeaderBytes,
      let head = String(validating: bytes[bytes.startIndex..<end], as: UTF8.self)
    else { throw broken("a part has no head, or one that is too long") }
    for line in head.split(separator: "\r\n") {
      let field = line.split(separator: ":", maxSplits: 1).map { $0.trimmed }
      guard field.count == 2 else { throw broken("a part's head is not understood") }
      guard field[0].lowercased() == "content-disposition" else { continue }
      return try part(disposition: field[1], content: bytes[(end + 4)...])
    }
    throw broken("a part has no name")
  }

  private static func part(disposition: String, content: ArraySlice<UInt8>) throws -> Part {
    let values = parameters(disposition)
    guard disposition.lowercased().hasPrefix("form-data"), let name = values["name"] else {
      throw broken("a part has no name")
    }
    return Part(name: name, fileName: values["filename"], bytes: content)
  }

  /// The parameters behind `form-data`; a quoted value may hold semicolons.
  private static func parameters(_ disposition: String) -> [String: String] {
    var values: [String: String] = [:]
    var rest = disposition.drop { $0 != ";" }.dropFirst()
    while let equals = rest.firstIndex(of: "=") {
      let name = rest[..<equals].trimmed.lowercased()
      rest = rest[rest.index(after: equals)...]
      let isQuoted = rest.first == "\""
      if isQuoted { rest = rest.dropFirst() }
      let end = rest.firstIndex(of: isQuoted ? "\"" : ";") ?? rest.endIndex
      values[name] = isQuoted ? String(rest[..<end]) : rest[..<end].trimmed
      rest = rest[end...].drop { $0 != ";" }.dropFirst()
    }
    return values
  }

  /// Where `needle` begins at or after `start`; looks for its first byte with a plain scan of the memory.
  private static func find(_ needle: [UInt8], in bytes: ArraySlice<UInt8>, from start: Int) -> Int? {
    bytes.withUnsafeBufferPointer { buffer in
      var index = start - bytes.startIndex
      while index + needle.count <= buffer.count {
        if buffer[index] == needle[0], buffer[index..<(index + needle.count)].elementsEqual(needle) {
          return index + bytes.startIndex
        }
        index += 1
      }
      return nil
    }
  }

  private static func broken(_ reason: String) -> HTTPError {
    HTTPError.invalid("the form is not valid multipart/form-data: \(reason)")
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

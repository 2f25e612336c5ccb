internal import Hummingbird
internal import ImageCodecs

/// Reads a request's body within limits of size and time.
struct BodyReader: Sendable {
  let maximumBytes: Int
  let time: Duration

  /// - Throws: `HTTPError` 413 for too many bytes (before any is read when the length is announced), 408 for a client
  ///   that is too slow.
  func read(_ request: Request) async throws -> [UInt8] {
    _ = try expectedBytes(request)
    let clock = ContinuousClock()
    let deadline = clock.now.advanced(by: time)
    var bytes: [UInt8] = []
    for try await chunk in request.body {
      guard bytes.count + chunk.readableBytes <= maximumBytes else { throw tooLarge }
      bytes.append(contentsOf: chunk.readableBytesView)
      // A client that sends nothing at all meets the idle timeout.
      guard clock.now < deadline else { throw tooSlow }
    }
    return bytes
  }

  /// How many bytes may come: those announced, or the limit.
  /// - Throws: `HTTPError` 413 for more than the limit.
  func expectedBytes(_ request: Request) throws -> Int {
    guard let announced = request.headers[.contentLength].flatMap({ Int($0) }) else { return maximumBytes }
    guard announced <= maximumBytes else { throw tooLarge }
    return max(1, announced)
  }

  private var tooLarge: HTTPError { .tooLarge("the request's body may have at most \(maximumBytes) bytes") }

  private var tooSlow: HTTPError {
    var problem = HTTPError(
      .requestTimeout,
      "too-slow",
      "the request's body took longer than \(time.components.seconds) s"
    )
    problem.closes = true
    return problem
  }
}

/// An image that came with a request: as the body itself, or in a form.
///
/// Its bytes count against the memory for uploads until `body` has returned.
struct ImageUpload {
  var file: [UInt8]
  var name: String
  /// The other fields of the form.
  var fields: [(String, String)]

  /// Reads the image of a request and hands it to `body`.
  ///
  /// - Parameter fields: The names that a form may have besides `image`.
  /// - Throws: `HTTPError` 415 for a body that is neither an image nor a form, and what reading or `body` throws.
  static func with<Value: Sendable>(
    _ request: Request,
    _ core: SearchCore,
    fields: Set<String>,
    _ body: (ImageUpload) async throws -> Value
  ) async throws -> Value {
    guard let type = ContentType(request.headers[.contentType]),
      type.type == "multipart/form-data" || ContentType.images.contains(type.type)
    else {
      throw HTTPError.wrongType(
        "an image is sent as multipart/form-data or \(ContentType.images.joined(separator: ", "))"
      )
    }
    let limits = core.configuration.limits
    // A form has heads and other fields around the image.
    let extra = type.type == "multipart/form-data" ? 64 << 10 : 0
    let reader = BodyReader(maximumBytes: limits.maximumUploadBytes + extra, time: limits.uploadTime)
    return try await core.admitted(to: core.uploadMemoryQueue, units: try reader.expectedBytes(request)) {
      let bytes = try await core.admitted(to: core.uploadQueue) { try await reader.read(request) }.value
      return try await body(try ImageUpload(bytes, type, fields))
    }.value
  }

  private init(_ bytes: [UInt8], _ type: ContentType, _ allowed: Set<String>) throws {
    guard type.type == "multipart/form-data" else {
      self.init(file: bytes, name: "", fields: [])
      return
    }
    guard let boundary = type.parameters["boundary"] else {
      throw HTTPError.invalid("the form names no boundary")
    }
    try self.init(MultipartForm(bytes, boundary: boundary), allowed)
  }

  private init(file: [UInt8], name: String, fields: [(String, String)]) {
    self.file = file
    self.name = name
    self.fields = fields
  }

  private init(_ form: MultipartForm, _ allowed: Set<String>) throws {
    let image = try form.part("image") ?? form.part(OldNames.imageField)
    file = image.map { Array($0.bytes) } ?? []
    name = Self.cleaned(image?.fileName ?? "")
    fields = try form.parts.filter { !["image", OldNames.imageField].contains($0.name) }.map { part in
      guard allowed.contains(part.name) else {
        throw HTTPError.invalid("the form may have no field of that name")
      }
      guard part.bytes.count <= 2_048, let text = String(validating: part.bytes, as: UTF8.self) else {
        throw HTTPError.invalid("the field \(part.name) is too long or not UTF-8 text")
      }
      return (part.name, text)
    }
  }

  /// A file's name for showing: the last part of a path, without control characters, not too long.
  static func cleaned(_ name: String) -> String {
    let last = name.split { $0 == "/" || $0 == "\\" }.last ?? ""
    return String(
      String.UnicodeScalarView(last.unicodeScalars.filter { $0.properties.generalCategory != .control })
        .prefix(120)
    )
  }
}

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
  static let images = [
    "image/jpeg", "image/png", "image/webp", "image/heic", "image/heif", "image/avif", "image/jxl",
    "image/gif",
    "image/bmp",
    "image/tiff",
  ]

  /// The type of an image file by its first bytes; nil when it is none that a browser may be given.
  static func image(_ bytes: [UInt8]) -> String? {
    switch ImageFormat(signatureOf: bytes) {
    case .jpeg?: "image/jpeg"
    case .png?: "image/png"
    case .webp?: "image/webp"
    case .gif?: "image/gif"
    case .bmp?: "image/bmp"
    case .tiff?: "image/tiff"
    case .jxl?: "image/jxl"
    case .heif?: bytes.dropFirst(8).starts(with: Array("avi".utf8)) ? "image/avif" : "image/heic"
    case nil: nil
    }
  }
}

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

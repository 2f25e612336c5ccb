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
      "too_slow",
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

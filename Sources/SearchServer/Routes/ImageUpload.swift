internal import Hummingbird

/// An image that came with a request: as the body itself, or in a form.
struct ImageUpload {
  var file: [UInt8]
  var name: String
  /// The other fields of the form.
  var fields: [(String, String)]

  /// Reads the image of a request.
  ///
  /// - Parameter fields: The names that a form may have besides `image`.
  /// - Throws: `Fault` 415 for a body that is neither an image nor a form, and whatever reading throws.
  static func read(_ request: Request, _ core: PageCore, fields: Set<String>) async throws -> ImageUpload {
    guard let type = ContentType(request.headers[.contentType]),
      type.type == "multipart/form-data" || ContentType.images.contains(type.type)
    else {
      throw Fault.wrongType(
        "an image is sent as multipart/form-data or \(ContentType.images.joined(separator: ", "))"
      )
    }
    let limits = core.configuration.limits
    // A form has heads and other fields around the image.
    let room = type.type == "multipart/form-data" ? 64 << 10 : 0
    let reader = BodyReader(maximumBytes: limits.maximumUploadBytes + room, time: limits.uploadTime)
    let body = try await core.admitted(to: core.uploadQueue) { try await reader.read(request) }.value
    guard type.type == "multipart/form-data" else { return ImageUpload(file: body, name: "", fields: []) }
    guard let boundary = type.parameters["boundary"] else {
      throw Fault.invalid("the form names no boundary")
    }
    return try ImageUpload(MultipartForm(body, boundary: boundary), fields)
  }

  private init(file: [UInt8], name: String, fields: [(String, String)]) {
    self.file = file
    self.name = name
    self.fields = fields
  }

  private init(_ form: MultipartForm, _ allowed: Set<String>) throws {
    let image = try form.part("image")
    file = image.map { Array($0.bytes) } ?? []
    name = Self.cleaned(image?.fileName ?? "")
    fields = try form.parts.filter { $0.name != "image" }.map { part in
      guard allowed.contains(part.name) else {
        throw Fault.invalid("the form may have no field of that name")
      }
      guard part.bytes.count <= 2_048, let text = String(validating: part.bytes, as: UTF8.self) else {
        throw Fault.invalid("the field \(part.name) is too long or no UTF-8 text")
      }
      return (part.name, text)
    }
  }

  /// A file's name for showing: the last part of a path, without control characters, not too long.
  private static func cleaned(_ name: String) -> String {
    let last = name.split { $0 == "/" || $0 == "\\" }.last ?? ""
    return String(
      String.UnicodeScalarView(last.unicodeScalars.filter { $0.properties.generalCategory != .control })
        .prefix(120)
    )
  }
}

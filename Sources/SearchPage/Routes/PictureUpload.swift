internal import Hummingbird

/// A picture that came with a request: as the body itself, or in a form.
struct PictureUpload {
  var file: [UInt8]
  var name: String
  /// The other fields of the form.
  var fields: [(String, String)]

  /// Reads the picture of a request.
  ///
  /// - Parameter fields: The names that a form may have besides `picture`.
  /// - Throws: `Fault` 415 for a body that is neither a picture nor a form, and whatever reading throws.
  static func read(_ request: Request, _ core: PageCore, fields: Set<String>) async throws -> PictureUpload {
    guard let type = ContentType(request.headers[.contentType]),
      type.type == "multipart/form-data" || ContentType.pictures.contains(type.type)
    else {
      throw Fault.wrongType(
        "a picture is sent as multipart/form-data or \(ContentType.pictures.joined(separator: ", "))"
      )
    }
    let limits = core.configuration.limits
    // A form has heads and other fields around the picture.
    let room = type.type == "multipart/form-data" ? 64 << 10 : 0
    let reader = BodyReader(maximumBytes: limits.maximumUploadBytes + room, time: limits.uploadTime)
    let body = try await core.admitted(to: core.uploadQueue) { try await reader.read(request) }.value
    guard type.type == "multipart/form-data" else { return PictureUpload(file: body, name: "", fields: []) }
    guard let boundary = type.parameters["boundary"] else {
      throw Fault.invalid("the form names no boundary")
    }
    return try PictureUpload(MultipartForm(body, boundary: boundary), fields)
  }

  private init(file: [UInt8], name: String, fields: [(String, String)]) {
    self.file = file
    self.name = name
    self.fields = fields
  }

  private init(_ form: MultipartForm, _ allowed: Set<String>) throws {
    let picture = try form.part("picture")
    file = picture.map { Array($0.bytes) } ?? []
    name = Self.cleaned(picture?.fileName ?? "")
    fields = try form.parts.filter { $0.name != "picture" }.map { part in
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

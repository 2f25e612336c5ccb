internal import Basics
internal import HTTPTypes
internal import Hummingbird
internal import NIOCore

/// Compresses answers that are text, for clients that take gzip (RFC 9110, 12.5.3).
struct CompressionMiddleware: RouterMiddleware {
  typealias Context = PageContext

  /// A packet holds as much anyway.
  private static let minimumBytes = 1_400
  private static let types = ["text/", "application/json", "application/problem+json", "image/svg+xml"]

  func handle(
    _ request: Request,
    context: PageContext,
    next: (Request, PageContext) async throws -> Response
  ) async throws -> Response {
    var response = try await next(request, context)
    guard Self.isText(response.headers[.contentType] ?? "") else { return response }
    response.headers[.vary] = "Accept-Encoding"
    guard request.method != .head, response.headers[.contentEncoding] == nil,
      let length = response.body.contentLength, length >= Self.minimumBytes,
      Self.takesGzip(request.headers[.acceptEncoding] ?? "")
    else { return response }
    let whole = CollectedBody()
    try await response.body.write(whole)
    guard let packed = try? Deflater.gzip(whole.bytes), packed.count < length else {
      response.body = ResponseBody(byteBuffer: ByteBuffer(bytes: whole.bytes))
      return response
    }
    response.body = ResponseBody(byteBuffer: ByteBuffer(bytes: packed))
    response.headers[.contentLength] = String(packed.count)
    response.headers[.contentEncoding] = "gzip"
    // Other bytes stand for the same text: the tag is a weak one.
    if let tag = response.headers[.eTag], !tag.hasPrefix("W/") { response.headers[.eTag] = "W/\(tag)" }
    return response
  }

  private static func isText(_ type: String) -> Bool { types.contains { type.hasPrefix($0) } }

  /// Whether gzip is named, and not with a weight of 0.
  static func takesGzip(_ header: String) -> Bool {
    header.split(separator: ",").contains { item in
      let parts = item.split(separator: ";").map { $0.trimmed.lowercased() }
      guard let name = parts.first, ["gzip", "x-gzip", "*"].contains(name) else { return false }
      let weight = parts.dropFirst().first { $0.hasPrefix("q=") }.map { Double($0.dropFirst(2)) ?? 0 } ?? 1
      return weight > 0
    }
  }
}

/// Takes a whole body in. All of what is compressed is in memory anyway.
private final class CollectedBody: ResponseBodyWriter {
  private let collected = StateLock<[UInt8]>([])

  var bytes: [UInt8] { collected.withLock { $0 } }

  func write(_ buffer: ByteBuffer) async throws {
    collected.withLock { $0.append(contentsOf: buffer.readableBytesView) }
  }

  consuming func finish(_ trailingHeaders: HTTPFields?) async throws {}
}

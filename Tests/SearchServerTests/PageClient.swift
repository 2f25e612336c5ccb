import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Logging
import NIOCore
import SearchServer

/// Asks a page without a network.
struct PageClient {
  let client: any TestClientProtocol

  /// Runs `body` against a page over `backend`.
  static func with(
    _ backend: MemoryBackend = MemoryBackend(),
    images: StubImages = StubImages(),
    store: any ImageStore = MemoryStore(),
    metrics: PrometheusRegistry = PrometheusRegistry(),
    configure: (inout ServerConfiguration) -> Void = { _ in },
    _ body: @Sendable (PageClient) async throws -> Void
  ) async throws {
    var configuration = ServerConfiguration()
    configuration.collection = "animals"
    configure(&configuration)
    var logger = Logger(label: "test")
    logger.logLevel = .critical
    let page = try SearchPage(
      configuration: configuration,
      collection: SearchedCollection(backend: backend, images: images, store: store),
      metrics: metrics,
      logger: logger
    )
    try await page.application().test(.router) { try await body(PageClient(client: $0)) }
  }

  struct Answer {
    let status: Int
    let headers: HTTPFields
    let bytes: [UInt8]

    var text: String { String(decoding: bytes, as: UTF8.self) }

    func json() throws -> [String: Any] {
      try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any] ?? [:]
    }

    /// The code of a problem.
    var code: String? { (try? json())?["code"] as? String }

    subscript(_ name: String) -> String? { HTTPField.Name(name).flatMap { headers[$0] } }
  }

  func ask(
    _ uri: String,
    _ method: HTTPRequest.Method = .get,
    headers: [String: String] = [:],
    body: [UInt8]? = nil
  ) async throws -> Answer {
    var fields = HTTPFields()
    for (name, value) in headers {
      if let name = HTTPField.Name(name) { fields[name] = value }
    }
    let response = try await client.execute(
      uri: uri,
      method: method,
      headers: fields,
      body: body.map { ByteBuffer(bytes: $0) }
    )
    return Answer(
      status: response.status.code,
      headers: response.headers,
      bytes: Array(response.body.readableBytesView)
    )
  }

  func post(json: String, to uri: String = "/api/v1/search") async throws -> Answer {
    try await ask(uri, .post, headers: ["Content-Type": "application/json"], body: Array(json.utf8))
  }

  /// Sends a form as a browser does.
  func post(form fields: [(String, String)], image: [UInt8]?, to uri: String = "/search") async throws
    -> Answer
  {
    var body: [UInt8] = []
    func add(_ head: String, _ content: [UInt8]) {
      body +=
        Array("--b\r\nContent-Disposition: form-data; \(head)\r\n\r\n".utf8) + content + Array("\r\n".utf8)
    }
    for (name, value) in fields { add("name=\"\(name)\"", Array(value.utf8)) }
    if let image { add("name=\"image\"; filename=\"../my cat.png\"\r\nContent-Type: image/png", image) }
    body += Array("--b--\r\n".utf8)
    return try await ask(uri, .post, headers: ["Content-Type": "multipart/form-data; boundary=b"], body: body)
  }
}

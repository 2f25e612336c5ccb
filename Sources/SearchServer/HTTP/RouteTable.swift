internal import HTTPTypes
internal import Hummingbird

/// What answers a request.
typealias PageHandler = @Sendable (Request, BasicRequestContext) async throws -> Response

extension HTTPRequest.Method {
  /// The methods that are understood, if only to say that an address does not answer them.
  static let known: [HTTPRequest.Method] =
    [.get, .head, .post, .put, .patch, .delete, .options, .trace]
    + [HTTPRequest.Method("QUERY")].compactMap { $0 }
}

extension Router where Context == BasicRequestContext {

  /// Registers the methods that an address answers; every other one gets 405 with `Allow`.
  func address(_ path: RouterPath, _ handlers: [HTTPRequest.Method: PageHandler]) {
    var handlers = handlers
    // The server leaves the body of an answer to HEAD out; its length stays.
    if let get = handlers[.get] { handlers[.head] = { try await get($0, $1).createHeadResponse() } }
    let allowed = handlers.keys.map(\.rawValue).sorted().joined(separator: ", ")
    for method in HTTPRequest.Method.known {
      if let handler = handlers[method] {
        on(path, method: method) { try await handler($0, $1) }
      } else {
        on(path, method: method) { _, _ -> Response in throw Fault.wrongMethod(allowed: allowed) }
      }
    }
  }
}

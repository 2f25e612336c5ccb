internal import Hummingbird

/// A request that gets an error for an answer.
struct Fault: Error, Sendable, Hashable {
  let status: HTTPResponse.Status
  /// What a program decides by.
  let code: String
  /// One line for people.
  let message: String
  var retryAfterSeconds: Int?
  var allow: String?
  /// Whether the connection cannot go on, because the request's body was not read to its end.
  var closes = false

  init(_ status: HTTPResponse.Status, _ code: String, _ message: String) {
    self.status = status
    self.code = code
    self.message = message
  }

  static func invalid(_ message: String) -> Fault { Fault(.badRequest, "invalid-request", message) }

  static func notFound(_ message: String) -> Fault { Fault(.notFound, "not-found", message) }

  static func tooLarge(_ message: String) -> Fault {
    var fault = Fault(.contentTooLarge, "too-large", message)
    fault.closes = true
    return fault
  }

  static func wrongType(_ message: String) -> Fault {
    var fault = Fault(.unsupportedMediaType, "wrong-content-type", message)
    fault.closes = true
    return fault
  }

  static func unavailable(_ message: String, retryAfter seconds: Int) -> Fault {
    var fault = Fault(.serviceUnavailable, "unavailable", message)
    fault.retryAfterSeconds = seconds
    return fault
  }

  static func wrongMethod(allowed: String) -> Fault {
    var fault = Fault(.methodNotAllowed, "wrong-method", "this address answers \(allowed)")
    fault.allow = allowed
    fault.closes = true
    return fault
  }
}

extension Fault {
  /// The fault that an error means to a client; nil for one that is nobody's business but the log's.
  init?(_ error: any Error) {
    switch error {
    case let fault as Fault: self = fault
    case let error as BackendError: self.init(backend: error)
    case let error as AdmissionQueue.Full:
      self = .unavailable("too many requests at once; try again", retryAfter: error.retryAfterSeconds)
    case is CancellationError:
      self = .unavailable("the server is stopping", retryAfter: 5)
    case let error as any HTTPResponseError:
      let isMissing = error.status == .notFound
      self.init(
        error.status,
        isMissing ? "not-found" : "invalid-request",
        isMissing ? "no such address" : "not understood"
      )
    default: return nil
    }
  }

  private init(backend error: BackendError) {
    switch error.code {
    case .notFound: self.init(.notFound, error.code.name, error.description)
    case .invalidSearch: self.init(.badRequest, error.code.name, error.description)
    case .unreadableImage: self.init(.unprocessableContent, error.code.name, error.description)
    case .imageTooLarge: self.init(.contentTooLarge, error.code.name, error.description)
    case .unavailable: self = .unavailable(error.description, retryAfter: 2)
    default: self.init(.internalServerError, error.code.name, error.description)
    }
  }

  /// The fault as RFC 9457 problem details.
  func problem() -> Response {
    let body = ProblemDetails(title: status.reasonPhrase, status: status.code, code: code, detail: message)
    var response = JSONBody.response(body, status: status)
    response.headers[.contentType] = "application/problem+json"
    addHeaders(to: &response)
    return response
  }

  func addHeaders(to response: inout Response) {
    if let retryAfterSeconds { response.headers[.retryAfter] = String(retryAfterSeconds) }
    if let allow { response.headers[.allow] = allow }
    if status == .unauthorized { response.headers[.wwwAuthenticate] = "Bearer realm=\"adbvec\"" }
    if closes { response.headers[.connection] = "close" }
    response.headers[.cacheControl] = "no-store"
  }
}

/// RFC 9457.
struct ProblemDetails: Encodable {
  let title: String
  let status: Int
  let code: String
  let detail: String
}

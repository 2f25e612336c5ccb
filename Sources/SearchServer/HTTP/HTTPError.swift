internal import FoundationEssentials
internal import HTTPTypes
internal import Hummingbird
internal import Logging
internal import NIOHTTP1

/// A request that gets an error for an answer.
struct HTTPError: Error, Sendable, Hashable {
  let status: HTTPResponse.Status
  /// What a program decides by.
  let code: String
  /// One line for people.
  let message: String
  var retryAfterSeconds: Int?
  var allow: String?
  /// Whether the client may not see anything of the collection.
  var isFromOutside = false
  /// Whether the connection cannot go on, because the request's body was not read to its end.
  var closes = false

  init(_ status: HTTPResponse.Status, _ code: String, _ message: String) {
    self.status = status
    self.code = code
    self.message = message
  }

  static func invalid(_ message: String) -> HTTPError { HTTPError(.badRequest, "invalid_request", message) }

  static func notFound(_ message: String) -> HTTPError { HTTPError(.notFound, "not_found", message) }

  static func tooLarge(_ message: String) -> HTTPError {
    var problem = HTTPError(.contentTooLarge, "too_large", message)
    problem.closes = true
    return problem
  }

  static func wrongType(_ message: String) -> HTTPError {
    var problem = HTTPError(.unsupportedMediaType, "wrong_content_type", message)
    problem.closes = true
    return problem
  }

  static func unavailable(_ message: String, retryAfter seconds: Int) -> HTTPError {
    var problem = HTTPError(.serviceUnavailable, "unavailable", message)
    problem.retryAfterSeconds = seconds
    return problem
  }

  static func wrongMethod(allowed: String) -> HTTPError {
    var problem = HTTPError(.methodNotAllowed, "wrong_method", "this address answers \(allowed)")
    problem.allow = allowed
    problem.closes = true
    return problem
  }
}

extension HTTPError {
  /// What an error means to a client; nil for one that only the log may tell.
  init?(_ error: any Error) {
    switch error {
    case let problem as HTTPError: self = problem
    case let error as BackendError: self.init(backend: error)
    case let error as AdmissionQueue.Full:
      self = .unavailable("too many requests at once; try again", retryAfter: error.retryAfterSeconds)
    case is CancellationError:
      self = .unavailable("the server is stopping", retryAfter: 5)
    case let error as any HTTPResponseError:
      let isMissing = error.status == .notFound
      self.init(
        error.status,
        isMissing ? "not_found" : "invalid_request",
        isMissing ? "no such address" : "not understood"
      )
    default: return nil
    }
  }

  private init(backend error: BackendError) {
    switch error.code {
    case .notFound: self.init(.notFound, error.code.name, error.description)
    case .invalidSearch: self.init(.badRequest, error.code.name, error.description)
    case .unreadableImage, .uploadsRefused:
      self.init(.unprocessableContent, error.code.name, error.description)
    case .imageTooLarge: self.init(.contentTooLarge, error.code.name, error.description)
    case .collectionUnreadable: self.init(.serviceUnavailable, error.code.name, error.description)
    case .unavailable: self = .unavailable(error.description, retryAfter: 2)
    default: self.init(.internalServerError, error.code.name, error.description)
    }
  }

  /// The error as RFC 9457 problem details.
  func problemDetails() -> Response {
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

/// Turns errors into answers: a page for people, problem details for programs. Counts and times every request.
struct ErrorMiddleware: RouterMiddleware {
  typealias Context = PageContext

  let core: SearchCore
  let page: PageRenderer

  func handle(
    _ request: Request,
    context: PageContext,
    next: (Request, PageContext) async throws -> Response
  ) async throws -> Response {
    let start = ContinuousClock.now
    var response: Response
    do {
      response = try await next(request, context)
    } catch let error as HTTPParserError {
      // The connection answers 400 by itself and ends.
      count(request, context, status: 400, since: start)
      throw error
    } catch {
      response = await answer(to: error, request)
    }
    SecurityHeaders.add(to: &response)
    count(request, context, status: response.status.code, since: start)
    return response
  }

  private func count(
    _ request: Request,
    _ context: PageContext,
    status: Int,
    since start: ContinuousClock.Instant
  ) {
    core.metrics.request(
      route: context.endpointPath ?? "none",
      method: HTTPRequest.Method.known.contains(request.method) ? request.method.rawValue : "other",
      status: status,
      seconds: (ContinuousClock.now - start) / .seconds(1)
    )
  }

  private func answer(to error: any Error, _ request: Request) async -> Response {
    let problem: HTTPError
    if let known = HTTPError(error) {
      problem = known
    } else {
      core.logger.error("request failed", metadata: ["error": "\(error)", "path": "\(request.uri.path)"])
      problem = HTTPError(.internalServerError, "failed", "the search failed; the server's log says why")
    }
    guard Self.isForPeople(request) else { return problem.problemDetails() }
    return await page.speaking(to: request).failure(problem)
  }

  /// Whether a browser shows the answer itself.
  static func isForPeople(_ request: Request) -> Bool {
    let path = request.uri.path
    return ["/", "/search", "/login"].contains(path) || path.hasPrefix("/images/")
      || (request.headers[.accept] ?? "").contains("text/html") && !path.hasPrefix("/api/")
  }
}

/// Headers that keep a browser from doing anything with an answer but show it.
enum SecurityHeaders {
  private static let policy = [
    "default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self' blob:",
    "connect-src 'self'",
    "form-action 'self'", "base-uri 'none'", "frame-ancestors 'none'",
  ].joined(separator: "; ")

  private static let headers: [(String, String)] = [
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("Referrer-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Permissions-Policy", "camera=(), geolocation=(), microphone=()"),
  ]

  static func add(to response: inout Response) {
    for (name, value) in headers {
      if let name = HTTPField.Name(name) { response.headers[name] = value }
    }
    if response.headers[.contentSecurityPolicy] == nil { response.headers[.contentSecurityPolicy] = policy }
    if response.headers[.cacheControl] == nil { response.headers[.cacheControl] = "no-store" }
  }
}

/// JSON answers.
enum JSONBody {
  static func response(_ value: some Encodable, status: HTTPResponse.Status = .ok) -> Response {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    guard let data = try? encoder.encode(value) else { return Response(status: .internalServerError) }
    return Response(
      status: status,
      headers: [.contentType: "application/json"],
      body: ResponseBody(byteBuffer: ByteBuffer(bytes: data))
    )
  }
}

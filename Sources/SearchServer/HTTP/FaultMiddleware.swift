internal import HTTPTypes
internal import Hummingbird
internal import Logging

/// Turns errors into answers: a page for people, problem details for programs. Counts and times every request.
struct FaultMiddleware: RouterMiddleware {
  typealias Context = BasicRequestContext

  let core: PageCore
  let page: PageRenderer

  func handle(
    _ request: Request,
    context: BasicRequestContext,
    next: (Request, BasicRequestContext) async throws -> Response
  ) async throws -> Response {
    let start = ContinuousClock.now
    var response: Response
    do {
      response = try await next(request, context)
    } catch {
      response = await answer(to: error, request)
    }
    SecurityHeaders.add(to: &response)
    core.metrics.request(
      route: context.endpointPath ?? "none",
      method: HTTPRequest.Method.known.contains(request.method) ? request.method.rawValue : "other",
      status: response.status.code,
      seconds: (ContinuousClock.now - start) / .seconds(1)
    )
    return response
  }

  private func answer(to error: any Error, _ request: Request) async -> Response {
    let fault: Fault
    if let known = Fault(error) {
      fault = known
    } else {
      core.logger.error("request failed", metadata: ["error": "\(error)", "path": "\(request.uri.path)"])
      fault = Fault(.internalServerError, "failed", "the search failed; the server's log says why")
    }
    guard Self.isForPeople(request) else { return fault.problem() }
    return await page.failure(fault)
  }

  /// Whether a browser shows the answer itself.
  static func isForPeople(_ request: Request) -> Bool {
    let path = request.uri.path
    return ["/", "/search", "/login"].contains(path)
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

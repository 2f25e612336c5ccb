internal import Hummingbird

/// Reads a request's body within limits of size and time.
struct BodyReader: Sendable {
  let maximumBytes: Int
  let time: Duration

  /// - Throws: `Fault` 413 for too many bytes (before any is read when the length is announced), 408 for a client
  ///   that is too slow.
  func read(_ request: Request) async throws -> [UInt8] {
    let announced = request.headers[.contentLength].flatMap { Int($0) }
    if let announced, announced > maximumBytes { throw tooLarge }
    let clock = ContinuousClock()
    let deadline = clock.now.advanced(by: time)
    var bytes: [UInt8] = []
    for try await chunk in request.body {
      guard bytes.count + chunk.readableBytes <= maximumBytes else { throw tooLarge }
      bytes.append(contentsOf: chunk.readableBytesView)
      // A client that sends nothing at all is the idle timeout's business.
      guard clock.now < deadline else { throw tooSlow }
    }
    return bytes
  }

  private var tooLarge: Fault { .tooLarge("the request's body may have at most \(maximumBytes) bytes") }

  private var tooSlow: Fault {
    var fault = Fault(
      .requestTimeout,
      "too-slow",
      "the request's body took longer than \(time.components.seconds) s"
    )
    fault.closes = true
    return fault
  }
}

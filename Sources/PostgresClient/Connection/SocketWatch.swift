import Dispatch

/// Wakes a connection up when the server sends something while no statement runs.
///
/// `@unchecked Sendable`: a dispatch source may be suspended, resumed and cancelled from any thread.
final class SocketWatch: @unchecked Sendable {
  private let source: any DispatchSourceRead

  init(_ descriptor: Int32) {
    source = DispatchSource.makeReadSource(fileDescriptor: descriptor, queue: .global())
  }

  /// Calls `receive` whenever there is something to read.
  func start(_ receive: @escaping @Sendable () async -> Void) {
    source.setEventHandler { [self] in
      // The socket stays readable until the connection has read it, so the next event waits for that.
      source.suspend()
      Task {
        await receive()
        source.resume()
      }
    }
    source.activate()
  }

  func stop() {
    source.setEventHandler {}
    source.cancel()
  }
}

import Foundation
import Synchronization

#if canImport(FoundationNetworking)
  import FoundationNetworking
#endif

/// One HTTP transfer into a file, from a byte on.
///
/// The session calls its delegate on one queue, one call after another; `state` is only touched there and, before and
/// after the transfer, by `run`.
final class FileTransfer: NSObject, URLSessionDataDelegate, Sendable {
  private struct State {
    var file: FileHandle?
    var received = 0
    var resumed = 0
    var expected: Int?
    var failure: ModelStoreError?
    var waiting: CheckedContinuation<Void, any Error>?
  }

  private let address: URL
  private let path: String
  private let start: Int
  private let progress: @Sendable (Int, Int?) -> Void
  private let state = Mutex(State())

  init(address: URL, path: String, start: Int, progress: @escaping @Sendable (Int, Int?) -> Void) {
    self.address = address
    self.path = path
    self.start = start
    self.progress = progress
  }

  /// The bytes that came.
  var received: Int { state.withLock { $0.received } }
  /// The bytes that were there before and counted.
  var resumed: Int { state.withLock { $0.resumed } }

  /// Runs to the end of the file.
  /// - Throws: `ModelStoreError` with code `network`, `answer` or `file`; `CancellationError`.
  func run() async throws {
    var request = URLRequest(url: address)
    request.timeoutInterval = 30
    // A byte range must not be one of a compressed form.
    request.setValue("identity", forHTTPHeaderField: "Accept-Encoding")
    if start > 0 { request.setValue("bytes=\(start)-", forHTTPHeaderField: "Range") }
    let session = URLSession(configuration: .ephemeral, delegate: self, delegateQueue: nil)
    defer { session.finishTasksAndInvalidate() }
    let task = session.dataTask(with: request)
    try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { continuation in
        state.withLock { $0.waiting = continuation }
        task.resume()
      }
    } onCancel: {
      task.cancel()
    }
  }

  func urlSession(
    _ session: URLSession,
    dataTask: URLSessionDataTask,
    didReceive response: URLResponse,
    completionHandler: @escaping (URLSession.ResponseDisposition) -> Void
  ) {
    let status = (response as? HTTPURLResponse)?.statusCode ?? 0
    let proceeds = state.withLock { state in
      do {
        state.file = try open(status, &state)
        let left = response.expectedContentLength
        state.expected = left > 0 ? state.resumed + Int(left) : nil
        return true
      } catch let failure as ModelStoreError {
        state.failure = failure
      } catch {
        state.failure = ModelStoreError(.file, "cannot write \(path): \(error.localizedDescription)")
      }
      return false
    }
    completionHandler(proceeds ? .allow : .cancel)
  }

  /// The file to write to: behind what is there when the server goes on, else from its start.
  private func open(_ status: Int, _ state: inout State) throws -> FileHandle {
    switch status {
    case 206 where start > 0: state.resumed = start
    case 200: _ = FileManager.default.createFile(atPath: path, contents: nil)
    case 416:
      // What is there is no beginning of the file; it is all of it, or of another one.
      try? FileManager.default.removeItem(atPath: path)
      throw ModelStoreError(
        .answer,
        "\(address) has no bytes behind \(start); the part was deleted, try again"
      )
    default:
      throw ModelStoreError(.answer, "\(address) answers with HTTP status \(status)")
    }
    guard let file = FileHandle(forWritingAtPath: path) else {
      throw ModelStoreError(.file, "cannot write \(path)")
    }
    try file.seekToEnd()
    return file
  }

  func urlSession(_ session: URLSession, dataTask: URLSessionDataTask, didReceive data: Data) {
    let (bytes, expected) = state.withLock { state in
      do {
        try state.file?.write(contentsOf: data)
        state.received += data.count
      } catch {
        state.failure = ModelStoreError(.file, "cannot write \(path): \(error.localizedDescription)")
        dataTask.cancel()
      }
      return (state.resumed + state.received, state.expected)
    }
    progress(bytes, expected)
  }

  func urlSession(_ session: URLSession, task: URLSessionTask, didCompleteWithError error: (any Error)?) {
    let (waiting, result) = state.withLock { state -> (CheckedContinuation<Void, any Error>?, (any Error)?) in
      try? state.file?.close()
      let waiting = state.waiting
      state.waiting = nil
      return (waiting, state.failure ?? error.map { failure(for: $0, state) } ?? cut(state))
    }
    if let result { waiting?.resume(throwing: result) } else { waiting?.resume() }
  }

  private func failure(for error: any Error, _ state: State) -> any Error {
    if (error as? URLError)?.code == .cancelled { return CancellationError() }
    let host = address.host ?? address.absoluteString
    if state.received + state.resumed > 0 {
      return ModelStoreError(
        .network,
        "the connection to \(host) broke after \(state.received + state.resumed) bytes; run the command again to go on from there"
      )
    }
    return ModelStoreError(
      .network,
      "\(host) cannot be reached (\(Self.words(error))): fetch \(address) on a machine with a network and give the file "
        + "with --weights, or name a mirror with --from"
    )
  }

  /// A server that ends early without an error.
  private func cut(_ state: State) -> ModelStoreError? {
    let bytes = state.received + state.resumed
    guard let expected = state.expected, bytes < expected else { return nil }
    return ModelStoreError(
      .network,
      "\(address) ended after \(bytes) of \(expected) bytes; run the command again to go on from there"
    )
  }

  private static func words(_ error: any Error) -> String {
    switch (error as? URLError)?.code {
    case .cannotFindHost?: "its name is not known here"
    case .timedOut?: "no answer within 30 seconds"
    case .cannotConnectToHost?: "nothing listens there"
    default: error.localizedDescription
    }
  }
}

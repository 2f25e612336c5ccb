internal import CLibpq
public import VectorSQL

extension PostgresConnection {
  /// Listens to a channel.
  ///
  /// Notifications arrive while the connection is idle and between its statements. The stream ends when the connection
  /// is closed or lost; ending the stream stops listening.
  /// - Throws: `PostgresError`.
  public func listen(_ channel: Identifier) async throws -> AsyncStream<PostgresNotification> {
    if !notifications.listens(to: channel.name) { try await run("LISTEN \(channel.quoted)") }
    let handle = try openHandle()
    let (stream, continuation) = AsyncStream.makeStream(of: PostgresNotification.self)
    let key = notifications.add(channel.name, continuation)
    continuation.onTermination = { [weak self] _ in
      Task { await self?.stopListening(key, channel) }
    }
    if notifications.watch == nil { watchSocket(handle) }
    notifications.deliver(handle)
    return stream
  }

  private func stopListening(_ key: Int, _ channel: Identifier) async {
    if notifications.remove(key) { _ = try? await run("UNLISTEN \(channel.quoted)") }
  }

  private func watchSocket(_ handle: OpaquePointer) {
    let watch = SocketWatch(PQsocket(handle))
    watch.start { [weak self] in await self?.receive() }
    notifications.watch = watch
  }

  private func receive() {
    guard let handle = try? openHandle() else { return }
    guard PQconsumeInput(handle) == 1 else {
      notifications.finish()
      return
    }
    notifications.deliver(handle)
  }
}

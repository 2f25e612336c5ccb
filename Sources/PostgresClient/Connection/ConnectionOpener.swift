internal import CLibpq
import Glibc

/// Runs the blocking part of connecting on the thread that the connection will live on.
actor ConnectionOpener {
  private let executor: ThreadExecutor

  init(executor: ThreadExecutor) {
    self.executor = executor
  }

  nonisolated var unownedExecutor: UnownedSerialExecutor {
    executor.asUnownedSerialExecutor()
  }

  func open(_ settings: ConnectionSettings) throws -> (ConnectionHandle, PostgresConnection.Session) {
    if let url = settings.url { _ = try ConnectionSettings.keywords(of: url) }
    guard let pointer = Self.connect(settings.parameters) else {
      throw PostgresError(code: .connectionFailed, message: "out of memory while connecting")
    }
    guard PQstatus(pointer) == CONNECTION_OK else {
      let message = PostgresError.libpqMessage(pointer)
      PQfinish(pointer)
      throw PostgresError(code: .connectionFailed, message: message)
    }
    let session = PostgresConnection.Session(
      backendPID: PQbackendPID(pointer),
      serverVersion: Int(PQserverVersion(pointer)),
      address: Self.address(of: pointer),
      cancel: CancelHandle(connection: pointer),
      socket: SocketGuard(PQsocket(pointer))
    )
    return (ConnectionHandle(pointer), session)
  }

  private static func connect(_ parameters: [(keyword: String, value: String)]) -> OpaquePointer? {
    let keywords: [UnsafeMutablePointer<CChar>?] = parameters.map { strdup($0.keyword) }
    let values: [UnsafeMutablePointer<CChar>?] = parameters.map { strdup($0.value) }
    defer { (keywords + values).forEach { free($0) } }
    let readOnly = { (list: [UnsafeMutablePointer<CChar>?]) in list.map { UnsafePointer($0) } + [nil] }
    return PQconnectdbParams(readOnly(keywords), readOnly(values), 1)
  }

  private static func address(of pointer: OpaquePointer) -> String {
    let part = { (text: UnsafeMutablePointer<CChar>?) in text.map { String(cString: $0) } ?? "" }
    return "\(part(PQuser(pointer)))@\(part(PQhost(pointer))):\(part(PQport(pointer)))/\(part(PQdb(pointer)))"
  }
}

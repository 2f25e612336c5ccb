internal import Glibc
internal import LocalPostgres

/// An exclusive `flock` on a file; released when the value goes away, or when the process dies however it dies.
struct FileLock: ~Copyable {
  private let descriptor: Int32

  /// Waits up to `seconds` for the lock.
  /// - Throws: `PrivateServerError` with code `busy` or `folder`.
  init(path: String, seconds: Int) async throws {
    let opened = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0o600)
    guard opened >= 0 else {
      throw PrivateServerError(
        code: .folder,
        description: "cannot open \(path): \(String(cString: strerror(errno)))"
      )
    }
    for attempt in 0... {
      if flock(opened, LOCK_EX | LOCK_NB) == 0 { break }
      guard attempt < seconds * 20 else {
        Glibc.close(opened)
        throw PrivateServerError(
          code: .busy,
          description:
            "another adbvec is starting or stopping this server (\(path) is locked for \(seconds) s); try again"
        )
      }
      try await Task.sleep(for: .milliseconds(50))
    }
    descriptor = opened
  }

  deinit {
    Glibc.close(descriptor)
  }
}

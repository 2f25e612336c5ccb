internal import Foundation
internal import Subprocess
internal import SystemPackage

/// One HTTP transfer into a file, by curl: it knows proxies, certificates and ranges, and is on every machine.
///
/// Foundation's own networking would tie the command to a libcurl that a statically linked one cannot take along.
struct FileTransfer {
  let address: URL
  let path: String
  /// Whether curl draws its bar on standard error.
  let showsProgress: Bool

  /// Fetches what is missing behind the file's first `start` bytes.
  ///
  /// - Returns: false when the server cannot go on from there.
  /// - Throws: `ModelStoreError` with code `network`, `answer` or `file`; `CancellationError`.
  func run(from start: Int) async throws -> Bool {
    let (curl, status) = try await ended(from: start)
    try Task.checkCancellation()
    switch (curl, status) {
    case (_, 416) where start > 0, (33, _): return false
    case (0, _): return true
    case (22, _): throw ModelStoreError(.answer, "\(address) answers with HTTP status \(status)")
    case (23, _): throw ModelStoreError(.file, "cannot write \(path)")
    default: throw broken(curl)
    }
  }

  /// Runs curl to its end: its exit code, and the status that the server answered with.
  private func ended(from start: Int) async throws -> (curl: Int32, status: Int) {
    var words = [
      "--fail", "--location", "--max-redirs", "5", "--connect-timeout", "30", "--speed-limit", "1",
      "--speed-time", "30", "--continue-at", String(start), "--output", path, "--write-out", "%{http_code}",
    ]
    words.append(showsProgress ? "--progress-bar" : "--silent")
    words += ["--", address.absoluteString]
    do {
      if showsProgress {
        let ended = try await Subprocess.run(
          .name("curl"),
          arguments: Arguments(words),
          output: .string(limit: 64),
          error: .fileDescriptor(.standardError, closeAfterSpawningProcess: false)
        )
        return (Self.code(ended.terminationStatus), Int(ended.standardOutput) ?? 0)
      }
      let ended = try await Subprocess.run(
        .name("curl"),
        arguments: Arguments(words),
        output: .string(limit: 64),
        error: .discarded
      )
      return (Self.code(ended.terminationStatus), Int(ended.standardOutput) ?? 0)
    } catch let error as SubprocessError {
      throw ModelStoreError(
        .network,
        "curl cannot be run (\(error)); install it, or fetch \(address) yourself and give the file with --weights"
      )
    }
  }

  private static func code(_ status: TerminationStatus) -> Int32 {
    switch status {
    case .exited(let code): code
    case .signaled(let signal): 128 + signal
    }
  }

  private func broken(_ code: Int32) -> ModelStoreError {
    let (bytes, host) = (ModelFetcher.size(of: path), address.host ?? address.absoluteString)
    if bytes > 0 {
      return ModelStoreError(
        .network,
        "the connection to \(host) broke after \(bytes) bytes; run the command again to go on from there"
      )
    }
    return ModelStoreError(
      .network,
      "\(host) cannot be reached (\(Self.words(code))): fetch \(address) on a machine with a network and give the file "
        + "with --weights, or name a mirror with --from"
    )
  }

  /// What curl's exit codes mean (curl's manual, "EXIT CODES").
  private static func words(_ code: Int32) -> String {
    switch code {
    case 5: "the proxy's name is not known"
    case 6: "its name is not known here"
    case 7: "nothing listens there"
    case 28: "no answer within 30 seconds"
    case 35, 60: "no secure connection"
    default: "curl's exit code \(code)"
    }
  }
}

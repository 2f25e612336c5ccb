import Foundation
import LocalPostgres
import TestSupport
import Testing

/// Connections as deployments make them, through the installed libpq: a password (SCRAM-SHA-256), and TLS with a checked
/// certificate. pgbouncer stands in for a server with TLS.
@Suite(.enabled(if: PgBouncer.isPossible, "pgbouncer is not installed"))
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

  /// Makes a key and a certificate that nobody signed, in a folder.
  private func certify(_ host: String, _ name: String, in folder: String) async throws -> String {
    let script = """
      openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=\(host) -addext subjectAltName=DNS:\(host) \
      -keyout \(name).key -out \(name).pem && chmod a+r \(name).key
      """
    let made = try await Program.run("/bin/bash", ["-c", script], folder: folder)
    try #require(made.exitCode == 0, "\(made.error)")
    return "\(folder)/\(name)"
  }

  @Test func aCertificateIsChecked() async throws {
    try await withMigrations { folder in
      try await TestServer.withDatabase(extensions: []) { database in
        let secret = try password(TestServer.home.path)
        let upstream =
          "host=127.0.0.1 port=\(try await TestServer.running().port) user=adbvec password=\(secret)"
        let own = try await certify("localhost", "own", in: folder)
        // A root that did not sign it: another certificate of the same kind.
        let other = try await certify("other", "other", in: folder)
        let options = [
          "listen_addr = 127.0.0.1", "client_tls_sslmode = require", "client_tls_key_file = \(own).key",
          "client_tls_cert_file = \(own).pem",
        ]
        try await PgBouncer.with(upstream, mode: "session", options: options) { pooler in
          let base =
            "postgresql://adbvec@localhost:\(pooler.port)/\(database.name)?hostaddr=127.0.0.1&sslmode=verify-full"
          for finished in try await up("\(base)&sslrootcert=\(own).pem", folder) {
            #expect(finished.exitCode == 0, "\(finished.error)")
          }
          for finished in try await up("\(base)&sslrootcert=\(other).pem", folder) {
            #expect(finished.exitCode == 5 && finished.error.contains("certificate"), "\(finished.error)")
          }
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

import Foundation
import TestSupport

/// A Python with PostgreSQL drivers: `ADBVEC_TEST_PYTHON`, the one on the path, or one made here with pip.
enum PythonClient {
  static let drivers = ["psycopg2", "psycopg"]
  private static let folder = "/tmp/adbvec-test-python"

  private static let finding = Task { () -> String? in
    let candidates = [Environment.variables["ADBVEC_TEST_PYTHON"], "/usr/bin/env", folder + "/bin/python3"]
    for path in candidates.compactMap({ $0 }) where await hasDrivers(path) { return path }
    _ = try? await Program.run("/usr/bin/env", ["python3", "-m", "venv", folder])
    let packages = ["psycopg2-binary==2.9.13", "psycopg[binary]==3.3.9"]
    _ = try? await Program.run(folder + "/bin/python3", ["-m", "pip", "install", "--quiet"] + packages)
    return await hasDrivers(folder + "/bin/python3") ? folder + "/bin/python3" : nil
  }

  /// Whether there is one.
  static var isAvailable: Bool { get async { await finding.value != nil } }

  /// Runs a program.
  static func run(_ program: String, _ arguments: [String]) async throws -> Finished {
    guard let path = await finding.value else { throw NeverHappened(description: "no Python with psycopg") }
    return try await run(path, program, arguments)
  }

  private static func run(_ path: String, _ program: String, _ arguments: [String]) async throws -> Finished {
    let words = (path == "/usr/bin/env" ? ["python3"] : []) + ["-c", program] + arguments
    return try await Program.run(path, words)
  }

  private static func hasDrivers(_ path: String) async -> Bool {
    let program = drivers.map { "import \($0)" }.joined(separator: "; ")
    return (try? await run(path, program, []).exitCode) == 0
  }
}

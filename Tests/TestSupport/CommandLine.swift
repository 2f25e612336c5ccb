public import Foundation
import Subprocess
import SystemPackage

/// What a program printed and how it ended.
public struct Finished: Sendable, Hashable {
  /// Standard output.
  public let output: String
  /// Standard error.
  public let error: String
  /// The exit code; 128 + n after signal n.
  public let exitCode: Int32

  /// Standard error's lines.
  public var errorLines: [String] { error.split(separator: "\n").map(String.init) }
}

extension JSONDecoder {
  /// Reads what `--format json` prints: keys in snake_case.
  public static var ofReports: JSONDecoder {
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    return decoder
  }
}

/// Runs the real `adbvec`, built beside the tests, and other programs.
public enum Program {
  /// The built command.
  public static let adbvec = path("adbvec")
  /// The built command that holds the migrations alone.
  public static let adbvecMigrate = path("adbvec-migrate")

  private static func path(_ name: String) -> String {
    // The test runner lies in the build folder, or in the .xctest bundle there.
    let bundles =
      Bundle.allBundles.map(\.bundleURL) + [URL(fileURLWithPath: ProcessInfo.processInfo.arguments[0])]
    let folders =
      bundles.flatMap { [$0.deletingLastPathComponent(), $0] } + [
        URL(fileURLWithPath: Environment.package + "/.build/debug")
      ]
    let paths = folders.map { $0.appendingPathComponent(name).path }
    return paths.first(where: FileManager.default.isExecutableFile) ?? name
  }

  /// Runs `adbvec` with these words, without any setting of the surroundings.
  ///
  /// - Parameters:
  ///   - database: becomes `DATABASE_URL`.
  ///   - folder: the working folder.
  public static func adbvec(
    _ arguments: String...,
    database: TestDatabase? = nil,
    environment: [String: String] = [:],
    folder: String? = nil,
    input: String = ""
  ) async throws -> Finished {
    var variables = environment
    if let database { variables["DATABASE_URL"] = database.url }
    return try await run(adbvec, arguments, environment: variables, folder: folder, input: input)
  }

  /// Runs psql on a database with a script on its standard input; unaligned rows only, stops at the first error.
  public static func psql(_ script: String, on database: TestDatabase) async throws -> Finished {
    try await run(
      Environment.programs + "/psql",
      ["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set", "ON_ERROR_STOP=1", database.url],
      input: script
    )
  }

  /// A file and no pipe: a program may end without having read all of it.
  private static func inputFile(_ text: String) throws -> FileDescriptor {
    guard !text.isEmpty else { return try FileDescriptor.open("/dev/null", .readOnly) }
    let path = "/tmp/adbvec-input-\(UUID().uuidString)"
    try text.write(toFile: path, atomically: false, encoding: .utf8)
    defer { unlink(path) }
    return try FileDescriptor.open(FilePath(path), .readOnly)
  }

  /// Runs a program to its end.
  public static func run(
    _ path: String,
    _ arguments: [String],
    environment: [String: String] = [:],
    folder: String? = nil,
    input: String = ""
  ) async throws -> Finished {
    var variables = [
      "PATH": Environment.variables["PATH"] ?? "/usr/bin:/bin", "HOME": "/nonexistent", "TERM": "dumb",
    ]
    variables["ADBVEC_CACHE"] = Environment.variables["ADBVEC_CACHE"]
    variables["ADBVEC_HOME"] = "/nonexistent"
    variables.merge(environment) { $1 }
    let result = try await Subprocess.run(
      .path(FilePath(path)),
      arguments: Arguments(arguments),
      environment: .custom(
        Dictionary(uniqueKeysWithValues: variables.map { (.init(stringLiteral: $0), $1) })
      ),
      workingDirectory: folder.map { FilePath($0) },
      input: .fileDescriptor(try inputFile(input), closeAfterSpawningProcess: true),
      output: .string(limit: 64 << 20),
      error: .string(limit: 64 << 20)
    )
    let code: Int32 =
      switch result.terminationStatus {
      case .exited(let code): code
      case .signaled(let signal): 128 + signal
      }
    return Finished(output: result.standardOutput, error: result.standardError, exitCode: code)
  }
}

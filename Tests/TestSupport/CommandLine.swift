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

/// A program that a test's surroundings need and that failed.
public struct ProgramFailure: Error, CustomStringConvertible {
  /// The command line, and the end of what it said.
  public let description: String

  /// A failure with its reason.
  public init(description: String) { self.description = description }
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
    return try withTemporaryFolder { folder in
      try text.write(toFile: folder + "/input", atomically: false, encoding: .utf8)
      return try FileDescriptor.open(FilePath(folder + "/input"), .readOnly)
    }
  }

  /// Runs a program to its end while its caller's thread waits, for servers that must be there before the first test begins.
  ///
  /// - Throws: `ProgramFailure` when the program does not succeed.
  @discardableResult
  public static func runBlocking(_ words: [String], input: String = "") throws -> String {
    try withTemporaryFolder { (folder: String) throws -> String in
      try input.write(toFile: folder + "/input", atomically: false, encoding: .utf8)
      // A server that is left behind must not hold descriptors of this process.
      let closing = """
        cd /; for f in /proc/self/fd/*; do n=${f##*/}; [ "$n" -gt 2 ] && eval "exec $n>&-"; done; exec "$@"
        """
      let command = (["/bin/bash", "-c", closing, "bash"] + words)
        .map { "'" + $0.replacing("'", with: "'\\''") + "'" }
      // By `system`, because `Process` waits for whoever holds its descriptors, such as a server.
      let status = system(
        "\(command.joined(separator: " ")) <\(folder)/input >\(folder)/output 2>\(folder)/error"
      )
      guard status == 0 else {
        let error = try String(contentsOfFile: folder + "/error", encoding: .utf8)
        throw ProgramFailure(description: "\(words.joined(separator: " ")): \(error.suffix(500))")
      }
      return try String(contentsOfFile: folder + "/output", encoding: .utf8)
    }
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

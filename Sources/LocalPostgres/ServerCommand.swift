internal import Subprocess
internal import SystemPackage

/// Runs PostgreSQL's own programs as the server's account, in an environment without `PG*`.
struct ServerCommand {
  let binaries: ServerBinaries
  let account: ServerAccount

  /// Runs a program to its end.
  /// - Returns: what it printed on both outputs, whether or not it succeeded.
  func run(_ program: String, _ arguments: [String]) async throws -> (succeeded: Bool, output: String) {
    var options = PlatformOptions()
    if account.isDropped {
      options.userID = account.userID
      options.groupID = account.groupID
      options.supplementaryGroups = []
    }
    let result = try await Subprocess.run(
      .path(.init(binaries.program(program))),
      arguments: Arguments(arguments),
      environment: .custom(["LC_ALL": "C", "PATH": "/usr/bin:/bin", "TZ": "UTC"]),
      workingDirectory: "/",
      platformOptions: options,
      output: .string(limit: 65_536),
      error: .combinedWithOutput
    )
    return (result.terminationStatus.isSuccess, result.standardOutput)
  }
}

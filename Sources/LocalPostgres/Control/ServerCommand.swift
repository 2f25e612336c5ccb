internal import LocalPostgres
internal import Subprocess
internal import SystemPackage

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

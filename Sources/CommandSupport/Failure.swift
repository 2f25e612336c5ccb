import LocalPostgres
import PostgresClient

/// An error as the command line reports it: one line and an exit code.
package struct Failure {
  package let line: String
  package let exitCode: Int32

  package init(_ error: any Error) {
    switch error {
    case is CancellationError:
      line = "interrupted; what was committed stays"
      exitCode = 130
    case let error as any FailureWithCause:
      line = error.description
      exitCode = Failure(error.cause).exitCode
    case let error as PostgresError:
      line = error.description
      exitCode = error.isConnectionProblem ? 5 : 1
    case let error as PrivateServerError:
      line = error.description
      exitCode = error.code == .notRunning ? 5 : 1
    case let error as CommandFailure:
      line = error.description
      exitCode = error.exitCode
    default:
      line = String(describing: error)
      exitCode = 1
    }
  }
}

/// An error that wraps another one: its own words, the other's exit code.
package protocol FailureWithCause: Error, CustomStringConvertible {
  /// What went wrong underneath.
  var cause: any Error { get }
}

/// An ending that a command chose itself.
package struct CommandFailure: Error, CustomStringConvertible {
  package let description: String
  package let exitCode: Int32

  package init(_ description: String, exitCode: Int32 = 1) {
    self.description = description
    self.exitCode = exitCode
  }
}

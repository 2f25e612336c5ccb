import EmbeddingPipeline
import LocalPostgres
import PostgresClient

/// An error as the command line reports it: one line and an exit code.
struct Failure {
  let line: String
  let exitCode: Int32

  init(_ error: any Error) {
    switch error {
    case is CancellationError:
      line = "interrupted; what was committed stays"
      exitCode = 130
    case let error as LoadInterruption:
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

/// An ending that a command chose itself.
struct CommandFailure: Error, CustomStringConvertible {
  let description: String
  let exitCode: Int32

  init(_ description: String, exitCode: Int32 = 1) {
    self.description = description
    self.exitCode = exitCode
  }
}

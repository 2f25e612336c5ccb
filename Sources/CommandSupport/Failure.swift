import Basics
import Glibc
import LocalPostgres
import Migrations
import PostgresClient
import VectorSQL

/// An error as the command line reports it: lines on standard error, entries in JSON, and an exit code.
package struct Failure {
  /// One error in the JSON that `--format json` prints.
  struct Entry: Encodable {
    var code: String
    var message: String
    var fix: String?
    var detail: String?
    var sqlstate: String?
    var file: String?
    var line: Int?
    var column: Int?

    init(code: String, message: String, fix: String?) {
      self.code = code
      self.message = message
      self.fix = fix
    }

    /// An error that keeps no parts.
    init(code: String, text: String) {
      let text = ReportedText(text)
      self.init(code: code, message: text.message, fix: text.fix)
    }
  }

  /// What standard error shows, an element an error.
  let lines: [String]
  let entries: [Entry]
  /// What the process ends with.
  package let exitCode: Int32

  private init(_ lines: [String], _ entries: [Entry], exitCode: Int32) {
    self.lines = lines
    self.entries = entries
    self.exitCode = exitCode
  }

  /// - Parameter interruption: What the command says of itself when it was interrupted.
  package init(_ error: any Error, interruption: String = "interrupted") {
    switch error {
    case let error as any FailureWithCause:
      let cause = Failure(error.cause)
      let text = ReportedText(error.description)
      var entry = cause.entries.first ?? Entry(code: "failed", text: "")
      entry.message = text.message
      entry.fix = text.fix
      self.init([error.description], [entry], exitCode: cause.exitCode)
    case is CancellationError:
      self.init([interruption], [Entry(code: "interrupted", text: interruption)], exitCode: 130)
    case let error as Output.Failure:
      let message = "cannot write to standard output: \(String(cString: strerror(error.code)))"
      self.init(
        error.isClosedPipe ? [] : [message],
        [Entry(code: "output", text: message)],
        exitCode: error.isClosedPipe ? 141 : 1
      )
    case let error as AtomicFile.Failure:
      self.init([error.description], [Entry(code: "output", text: error.description)], exitCode: 1)
    case let error as MigrationError: self.init(migrations: [error])
    case let error as MigrationErrors: self.init(migrations: error.errors)
    case let error as PostgresError: self.init(server: error)
    case let error as PrivateServerError:
      let isMissing = error.code == .notRunning
      let entry = Entry(code: isMissing ? "connection" : "private_server", text: error.description)
      self.init([error.description], [entry], exitCode: isMissing ? 5 : 1)
    case let error as CommandFailure:
      let code = error.exitCode == 64 ? "usage" : error.exitCode == 5 ? "connection" : "failed"
      let text = ReportedText(error.message)
      let entry = Entry(
        code: code,
        message: error.fix == nil ? text.message : error.message,
        fix: error.fix ?? text.fix
      )
      self.init([error.description], [entry], exitCode: error.exitCode)
    case let error as any ReportedError:
      let entry = Entry(code: error.reportedCode, message: error.reportedMessage, fix: error.fix)
      self.init([error.description], [entry], exitCode: 1)
    default:
      let text = String(describing: error)
      self.init([text], [Entry(code: "failed", text: text)], exitCode: 1)
    }
  }

  /// A command line that cannot be understood.
  init(usage message: String, shown: String) {
    self.init([shown], [Entry(code: "usage", text: message)], exitCode: 64)
  }

  private init(server error: PostgresError) {
    let isConnection = error.isConnectionProblem
    let fix = error.hint == nil ? Self.fix(error) : nil
    let code = isConnection ? "connection" : "server"
    // What the server says may quote values, and is not taken apart.
    var entry =
      error.sqlState == nil
      ? Entry(code: code, text: error.message) : Entry(code: code, message: error.message, fix: nil)
    // Triggers of a change of model begin their hints with the word.
    let hint = error.hint.map { $0.hasPrefix("Fix: ") ? String($0.dropFirst(5)) : $0 }
    entry.fix = hint ?? fix ?? entry.fix
    entry.detail = error.detail
    entry.sqlstate = error.sqlState
    let line = error.description + (fix.map { ". Fix: \($0)" } ?? "")
    self.init([line], [entry], exitCode: isConnection ? 5 : 1)
  }

  /// What lies in the role or the server and not in the command, where the server gives no hint of its own.
  private static func fix(_ error: PostgresError) -> String? {
    switch error.sqlState {
    case "42501": "let its owner GRANT the right to this role, or connect as another role"
    case "25006" where error.message.contains("recovery"):
      "connect to the primary server, such as by target_session_attrs=read-write in the URL"
    case "25006":
      "begin the command with PGOPTIONS='-c default_transaction_read_only=off', where the role's sessions only read"
    case "57014" where error.message.contains("statement timeout"):
      "begin the command with PGOPTIONS='-c statement_timeout=0', or with a longer time"
    default: nil
    }
  }

  /// A text of the library's with the commands as this program calls them.
  package static func spelled(_ text: String) -> String {
    text.replacing("adbvec migrate ", with: CommandRunner.migrateCommand + " ")
  }

  /// Errors in files show their line with a caret.
  private init(migrations errors: [MigrationError]) {
    let lines = errors.map { error in
      guard let location = error.location, !location.line.isEmpty else {
        return Self.spelled(error.description)
      }
      return Self.spelled(error.description) + "\n" + location.excerpt
    }
    let entries = errors.map { error -> Entry in
      var entry = Entry(
        code: error.reportedCode,
        message: Self.spelled(error.reportedMessage),
        fix: error.fix.map(Self.spelled)
      )
      entry.detail = error.detail
      entry.sqlstate = error.sqlState
      entry.file = error.location?.file
      entry.line = error.location?.lineNumber
      entry.column = error.location?.column
      return entry
    }
    let codes = errors.map(\.code)
    let exitCode: Int32 =
      codes.contains(.lockNotObtained)
      ? 4 : codes.contains { [.drift, .outOfOrder].contains($0) } ? 3 : 1
    self.init(lines, entries, exitCode: exitCode)
  }
}

/// An error that wraps another one: its own words, the other's exit code.
package protocol FailureWithCause: Error, CustomStringConvertible {
  /// What went wrong underneath.
  var cause: any Error { get }
}

/// An ending that a command chose itself.
package struct CommandFailure: Error, CustomStringConvertible {
  /// What failed, where and why.
  package let message: String
  /// What to do about it.
  package let fix: String?
  /// What the process ends with.
  package let exitCode: Int32

  package init(_ message: String, fix: String? = nil, exitCode: Int32 = 1) {
    self.message = message
    self.fix = fix
    self.exitCode = exitCode
  }

  /// The message and the fix.
  package var description: String { message + (fix.map { ". Fix: \($0)" } ?? "") }
}

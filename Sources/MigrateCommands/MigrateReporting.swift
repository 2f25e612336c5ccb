import CommandSupport
import FoundationEssentials
import Migrations
import PostgresClient

/// Prints a run's events on standard error as they come.
struct MigratePrinter {
  let isQuiet: Bool
  let isVerbose: Bool

  init(_ global: GlobalOptions) {
    isQuiet = global.quiet
    isVerbose = global.verbose
  }

  /// Follows a run to its end.
  func follow<Report>(_ run: MigrationRun<Report>) async throws -> Report {
    for await event in run { show(event) }
    return try await run.report
  }

  private func show(_ event: MigrationEvent) {
    if case .warning(let text) = event { return Terminal.warning(text) }
    guard !isQuiet, let line = line(event) else { return }
    Terminal.note(line)
  }

  private func line(_ event: MigrationEvent) -> String? {
    switch event {
    case .waitingForLock(let holder):
      "waiting for the migration lock" + (holder.map { ", held by \($0)" } ?? "")
    case .started(let id, let name, let direction, let statements, let done):
      done > 0
        ? "\(id) \(name): going on \(direction.rawValue) behind statement \(done) of \(statements)"
        : isVerbose ? "\(id) \(name): \(direction.rawValue), \(statements) statements" : nil
    case .statement(let id, let number, let count, let location):
      isVerbose ? "\(id) statement \(number) of \(count) (\(location))" : nil
    case .indexProgress(let id, let progress):
      "\(id) \(progress.phase)" + (progress.fraction.map { " \(Int($0 * 100)) %" } ?? "")
    case .rebuildingInvalidIndex(let id, let index):
      "\(id) the index \(index) was left invalid by a failed build; dropping it to build it again"
    case .retrying(let id, let attempt, let pause, let reason):
      "\(id) \(reason); try \(attempt) in \(pause) ms"
    case .notice(let severity, let message):
      severity == "WARNING" || isVerbose ? "\(severity.lowercased()): \(message)" : nil
    case .finished(let id, let name, let direction, let milliseconds):
      "\(direction == .up ? "applied" : "reverted")  \(id)  \(name)  \(milliseconds) ms"
    case .failed, .warning: nil
    }
  }
}

/// Runs a `migrate` command's body; what it throws is shown with its place in the file, or as JSON.
enum MigrateFailure {
  static func reporting(_ command: String, _ format: ReportFormat, _ body: () async throws -> Void)
    async throws
  {
    do {
      try await body()
    } catch let error as MigrationError {
      throw try report([error], command, format)
    } catch let error as MigrationErrors {
      throw try report(error.errors, command, format)
    } catch let error as PostgresError where format == .json {
      let code = error.isConnectionProblem ? "connection" : "server"
      try JSONFailure(
        command: command,
        errors: [.init(code: code, message: error.message, hint: error.hint, sqlstate: error.sqlState)]
      ).print()
      throw error
    }
  }

  /// Prints all but the last line, which the command line prints itself.
  private static func report(
    _ errors: [MigrationError],
    _ command: String,
    _ format: ReportFormat
  ) throws -> CommandFailure {
    if format == .json {
      try JSONFailure(command: command, errors: errors.map(JSONFailure.Entry.init)).print()
    }
    for error in errors.dropLast() { show(error) }
    guard let last = errors.last else { return CommandFailure("failed") }
    return CommandFailure(text(last), exitCode: exitCode(errors))
  }

  private static func show(_ error: MigrationError) { Terminal.error(text(error)) }

  private static func text(_ error: MigrationError) -> String {
    guard let location = error.location, !location.line.isEmpty else {
      return error.description
    }
    return error.description + "\n" + location.excerpt
  }

  static func exitCode(_ errors: [MigrationError]) -> Int32 {
    let codes = errors.map(\.code)
    if codes.contains(.lockNotObtained) { return 4 }
    return codes.contains { [.drift, .outOfOrder].contains($0) } ? 3 : 1
  }
}

/// `{"schema":1,"command":…,"errors":[…]}`.
struct JSONFailure: Encodable {
  struct Entry: Encodable {
    var code: String
    var message: String
    var hint: String?
    var detail: String?
    var sqlstate: String?
    var file: String?
    var line: Int?
    var column: Int?
  }

  let schema = 1
  let command: String
  let errors: [Entry]

  func print() throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    Swift.print(String(decoding: try encoder.encode(self), as: UTF8.self))
  }
}

extension JSONFailure.Entry {
  init(_ error: MigrationError) {
    self.init(
      code: error.code.description,
      message: error.message,
      hint: error.hint,
      detail: error.detail,
      sqlstate: error.sqlState,
      file: error.location?.file,
      line: error.location?.lineNumber,
      column: error.location?.column
    )
  }
}

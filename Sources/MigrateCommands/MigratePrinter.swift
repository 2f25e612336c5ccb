import CommandSupport
import FoundationEssentials
import Migrations

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

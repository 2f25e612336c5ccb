package import ArgumentParser
import Basics
import CommandSupport
import Migrations

/// `adbvec migrate up`.
package struct MigrateUp: AsyncParsableCommand, InterruptibleCommand {
  package static let configuration = CommandConfiguration(
    commandName: "up",
    abstract: "Apply what is pending.",
    discussion: """
      Each file is one transaction, or runs statement by statement where it says transaction:false; then its progress is \
      recorded, and a failed run resumes at the failed statement. One run works at a time. Safe to repeat.
      """
  )

  @Option(help: ArgumentHelp("The last version to apply.", valueName: "version"))
  var to: String?

  @Option(help: ArgumentHelp("How many migrations to apply at most.", valueName: "n"))
  var count: Int?

  @Flag(help: "Print what would be sent, as 'plan' does, and send nothing.")
  var dryRun = false

  @Flag(help: "Go on although a gate refuses new vectors; the history keeps that.")
  var force = false

  @OptionGroup var run: MigrateRunOptions
  @OptionGroup var options: MigrateOptions

  package init() {}

  package var interruption: String { dryRun ? "interrupted; nothing was sent" : options.interruption }

  package func validate() throws {
    if let count { try checkRange("--count", count, 1...) }
  }

  package mutating func run() async throws {
    let settings = try options.settings()
    // Files are read while the server answers; what is wrong in them is still said first.
    async let connecting = settings.connect()
    let migrator = try options.migrator(settings, readsAppliedFiles: dryRun) { try run.apply(to: &$0) }
    let connection = try await connecting
    let target = MigrationTarget(version: to, count: count)
    let steps = try MigrateCommand.changes?.runner(settings, force: force)
    if dryRun { return try options.show(try await migrator.plan(target, on: connection, steps: steps)) }
    let monitor = try settings.connectionSettings()
    try options.show(
      try await MigratePrinter(options.global).follow(
        migrator.up(target, on: connection, monitor: monitor, steps: steps)
      )
    )
  }
}

/// `adbvec migrate down`.
struct MigrateDown: AsyncParsableCommand, InterruptibleCommand {
  static let configuration = CommandConfiguration(
    commandName: "down",
    abstract: "Revert what was applied last.",
    discussion: "The way down is rendered with the parameters that the migration was applied with."
  )

  @Argument(help: ArgumentHelp("How many migrations (default: 1).", valueName: "n"))
  var count: Int?

  @Option(help: ArgumentHelp("The last version to keep; 0 reverts all.", valueName: "version"))
  var to: String?

  @Flag(help: "Print what would be sent and send nothing.")
  var dryRun = false

  @Flag(help: "Let the way down delete rows; without it, it stops and says how many.")
  var yes = false

  @OptionGroup var run: MigrateRunOptions
  @OptionGroup var options: MigrateOptions

  var interruption: String { dryRun ? "interrupted; nothing was sent" : options.interruption }

  func validate() throws {
    if count != nil, to != nil { throw ValidationError("give a number or --to, not both") }
    if let count { try checkRange("the number of migrations", count, 1...) }
  }

  mutating func run() async throws {
    let settings = try options.settings()
    let migrator = try options.migrator(settings) {
      try run.apply(to: &$0)
      $0.deletesRows = yes
    }
    let connection = try await settings.connect()
    let target = MigrationTarget(version: to, count: to == nil ? count ?? 1 : nil)
    if dryRun { return try options.show(try await migrator.planDown(target, on: connection)) }
    try options.show(
      try await MigratePrinter(options.global).follow(
        migrator.down(
          target,
          on: connection,
          steps: try MigrateCommand.changes?.runner(settings, force: false)
        )
      )
    )
  }
}

/// `adbvec migrate redo`.
struct MigrateRedo: AsyncParsableCommand, InterruptibleCommand {
  static let configuration = CommandConfiguration(
    commandName: "redo",
    abstract: "Revert what was applied last and apply it again, with today's files and parameters."
  )

  @Argument(help: ArgumentHelp("How many migrations.", valueName: "n"))
  var count = 1

  @Flag(help: "Let the way down delete rows; without it, it stops and says how many.")
  var yes = false

  @OptionGroup var run: MigrateRunOptions
  @OptionGroup var options: MigrateOptions

  var interruption: String { options.interruption }

  func validate() throws { try checkRange("the number of migrations", count, 1...) }

  mutating func run() async throws {
    let settings = try options.settings()
    let migrator = try options.migrator(settings) {
      try run.apply(to: &$0)
      $0.deletesRows = yes
    }
    let connection = try await settings.connect()
    try options.show(
      try await MigratePrinter(options.global).follow(
        migrator.redo(
          count,
          on: connection,
          steps: try MigrateCommand.changes?.runner(settings, force: false)
        )
      )
    )
  }
}

/// Prints a run's events on standard error as they come.
struct MigratePrinter {
  private let isQuiet: Bool
  private let isVerbose: Bool

  init(_ global: GlobalOptions) {
    isQuiet = global.quiet
    isVerbose = global.verbose
  }

  /// Follows a run to its end.
  func follow<Report>(_ run: MigrationRun<Report>) async throws -> Report {
    var left = TimeLeft()
    for await event in run {
      if case .indexProgress(let id, let progress) = event {
        draw(id, progress, &left)
      } else {
        show(event)
      }
    }
    return try await run.report
  }

  private func draw(_ id: MigrationID, _ progress: IndexProgress, _ left: inout TimeLeft) {
    guard !isQuiet else { return }
    let share = progress.fraction
    let time = share.map { String(printf: " %.0f %%", $0 * 100) + left.text(at: $0, of: progress.phase) }
    Terminal.progress("\(id) \(progress.phase)", end: time ?? "", share: share)
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
        ? "\(id) \(PrintableText.line(name)): resuming \(direction.rawValue) after statement \(done) of \(statements)"
        : isVerbose
          ? "\(id) \(PrintableText.line(name)): \(direction.rawValue), \(statements) statements" : nil
    case .statement(let id, let number, let count, let location):
      isVerbose ? "\(id) statement \(number) of \(count) (\(location))" : nil
    case .rebuildingInvalidIndex(let id, let index):
      "\(id) the index \(index) was left invalid by a failed build; dropping it to build it again"
    case .retrying(let id, let attempt, let pause, let reason):
      "\(id) \(reason); attempt \(attempt) in \(pause) ms"
    case .step(let id, let text): "\(id) \(PrintableText.line(text))"
    case .notice(let severity, let message):
      severity == "WARNING" || isVerbose ? "\(severity.lowercased()): \(message)" : nil
    case .finished(let id, let name, let direction, let milliseconds):
      "\(direction == .up ? "applied" : "reverted")  \(id)  \(PrintableText.line(name))  \(milliseconds) ms"
    case .failed, .warning, .indexProgress: nil
    }
  }
}

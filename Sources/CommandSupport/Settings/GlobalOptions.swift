package import ArgumentParser
import Basics

/// Options that every command has; they may stand before the command too.
package struct GlobalOptions: ParsableArguments {
  @Option(help: ArgumentHelp("The server (default: the private server, if it runs).", valueName: "url"))
  package var databaseUrl: String?

  @Option(
    help: ArgumentHelp("pgvector or analyticdb (default: pgvector).", valueName: "name"),
    completion: .list(["pgvector", "analyticdb"])
  )
  package var dialect: String?

  @Option(help: ArgumentHelp("The table (default: public.image_search).", valueName: "schema.table"))
  package var table: String?

  @Option(
    help: ArgumentHelp("The settings file (default: adbvec.yaml, if it exists).", valueName: "file"),
    completion: .file(extensions: ["yaml", "yml"])
  )
  package var config: String?

  @Flag(name: .shortAndLong, help: "Print results and errors only.")
  package var quiet = false

  @Flag(name: .shortAndLong, help: "Print each step.")
  package var verbose = false

  package init() {}

  /// The settings in force; `more` are flags of the command itself.
  package func settings(_ more: [Setting: String?] = [:]) throws -> Settings {
    var flags: [Setting: String?] = [.databaseURL: databaseUrl, .dialect: dialect, .table: table]
    flags.merge(more) { _, new in new }
    return try Settings(flags: flags.compactMapValues { $0 }, path: config)
  }

  /// Says what happens, unless `--quiet` was given.
  package func note(_ line: String) {
    if !quiet { Terminal.note(line) }
  }
}

/// Refuses a number outside a range.
/// - Throws: `ValidationError` that names option, range and number.
package func checkRange<Range: RangeExpression>(_ option: String, _ value: Range.Bound, _ range: Range) throws
{
  guard !range.contains(value) else { return }
  let words =
    switch range {
    case let range as ClosedRange<Range.Bound>: "\(range.lowerBound)…\(range.upperBound)"
    case let range as PartialRangeFrom<Range.Bound>: "\(range.lowerBound) or more"
    default: "in \(range)"
    }
  throw ValidationError("\(option) must be \(words), not \(value)")
}

/// Refuses an output file before the work is done: a name that cannot be written, or one that speaks of another format
/// than is written.
/// - Throws: `ValidationError`.
package func checkOutput(_ option: String, _ path: String, extensions: [String] = []) throws {
  if let problem = AtomicFile.problem(writing: path) { throw ValidationError("\(option): \(problem)") }
  let isDevice = path.hasPrefix("/dev/") || path.hasPrefix("/proc/")
  guard let first = extensions.first, !isDevice else { return }
  guard !extensions.contains(where: { path.lowercased().hasSuffix("." + $0) }) else { return }
  let name = path.split(separator: "/").last ?? ""
  let stem = name.lastIndex(of: ".").map { path.dropLast(name[$0...].count) } ?? path[...]
  throw ValidationError("\(option) writes \(first.uppercased()): name the file \(stem).\(first), not \(path)")
}

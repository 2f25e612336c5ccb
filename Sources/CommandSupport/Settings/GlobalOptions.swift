package import ArgumentParser
import Basics
import Dispatch
import PostgresClient
import VectorSQL

/// Options that every command has; they may stand before the command too.
package struct GlobalOptions: ParsableArguments {
  @Option(help: ArgumentHelp("The server (default: the private server, if it runs).", valueName: "url"))
  package var databaseUrl: String?

  @Option(
    help: ArgumentHelp("pgvector or analyticdb (default: pgvector).", valueName: "name"),
    completion: .list(Dialect.all.map(\.name))
  )
  package var dialect: String?

  @Option(
    help: ArgumentHelp("The table (default: public.image_search).", valueName: "schema.table"),
    completion: DatabaseCompletion.tables
  )
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

extension CompletionKind {
  /// The names of all metrics.
  package static var metrics: CompletionKind { .list(Metric.all.map(\.description)) }
}

/// What a shell completes from the database that the words so far name. Where it does not answer at once, nothing is offered.
package enum DatabaseCompletion {
  /// Tables with vectors, by their plain name where that finds them.
  package static let tables = CompletionKind.custom { words, _, _ in
    names(words) { _ in
      """
      SELECT DISTINCT CASE WHEN pg_table_is_visible(c.oid) THEN c.relname ELSE n.nspname || '.' || c.relname END
      FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid
      JOIN pg_type t ON t.oid = a.atttypid
      WHERE c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped
        AND t.typname IN ('vector', 'halfvec', '_float4')
        AND n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\\_%'
      ORDER BY 1 LIMIT 1000
      """
    }
  }

  /// Classes of the table, of its first rows where it is large.
  package static let classes = CompletionKind.custom { words, _, _ in
    names(words) { settings in
      let column = try settings.name(.classColumn) { try Identifier(validating: $0) }.quoted
      return """
        SELECT DISTINCT class FROM (SELECT CAST(\(column) AS text) AS class FROM \(try settings.tableName().quoted)
          WHERE \(column) IS NOT NULL LIMIT 100000) AS rows ORDER BY 1 LIMIT 1000
        """
    }
  }

  /// The longest that a shell waits, in seconds.
  private static let patience = 2

  private static func names(
    _ words: [String],
    _ statement: @escaping @Sendable (Settings) throws -> String
  ) -> [String] {
    let (found, isDone) = (Names(), DispatchSemaphore(value: 0))
    // The shell waits for this process, and the parser does not wait for tasks.
    Task.detached {
      if let names = try? await read(words, statement) { found.list.withLock { $0 = names } }
      isDone.signal()
    }
    _ = isDone.wait(timeout: .now() + .seconds(patience))
    return found.list.withLock { $0 }
  }

  private final class Names: Sendable {
    let list = StateLock([String]())
  }

  private static func read(
    _ words: [String],
    _ statement: (Settings) throws -> String
  ) async throws -> [String] {
    let flags: [Setting: String?] = [
      .databaseURL: value(of: "--database-url", words), .table: value(of: "--table", words),
    ]
    let settings = try Settings(flags: flags.compactMapValues { $0 }, path: value(of: "--config", words))
    var server = try settings.connectionSettings()
    server.overrides["connect_timeout"] = String(patience)
    let connection = try await PostgresConnection.connect(server)
    let rows = try await connection.query(Statement(trusted: try statement(settings)))
    await connection.close()
    // A name that holds a line break would be two.
    return try rows.map { try $0.value(at: 0, as: String.self) }.filter { !$0.contains(where: \.isNewline) }
  }

  private static func value(of option: String, _ words: [String]) -> String? {
    if let joined = words.last(where: { $0.hasPrefix(option + "=") }) {
      return String(joined.dropFirst(option.count + 1))
    }
    return words.lastIndex(of: option).flatMap { $0 + 1 < words.count ? words[$0 + 1] : nil }
  }
}

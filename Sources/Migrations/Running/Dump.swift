internal import Basics
internal import Glibc
public import PostgresClient
internal import Synchronization
internal import VectorSQL

extension Migrator {
  /// The schema as SQL that gives an empty database the same schema and history; the same text for the same schema.
  ///
  /// - Parameters:
  ///   - settings: how to reach the server; a password goes to `pg_dump` by its environment, which others cannot read.
  ///   - program: `pg_dump`, at least as new as the server; nil takes Greenplum's own for Greenplum, where it is
  ///     installed, and else the fallback.
  ///   - fallback: the program for PostgreSQL.
  /// - Throws: `MigrationError` with code `toolFailed`.
  public func dump(
    _ settings: ConnectionSettings,
    program: String? = nil,
    fallback: String = "pg_dump"
  ) async throws -> String {
    let connection = try await PostgresConnection.connect(settings)
    let records = try await session(connection).readState().records
    let engine = try await connection.capabilities().engine
    let placement = engine.placement == .function ? try await Self.placement(connection) : ""
    await connection.close()
    let program = program ?? Self.ownProgram(of: engine) ?? fallback
    let target = try Self.target(settings)
    let schema = try await HelperProgram(
      path: program,
      arguments: ["--schema-only", "--no-owner", "--no-privileges"] + target.arguments,
      environment: target.environment
    ).output()
    try Self.checkPlacement(schema, engine, program)
    return Self.stable(schema) + placement + inserts(records)
  }

  /// The calls that place the tables of a Citus cluster, which `pg_dump` takes for tables of the coordinator. Tables that
  /// lie side by side do so again.
  private static func placement(_ connection: PostgresConnection) async throws -> String {
    let rows = try await connection.query(
      """
      SELECT format('%I.%I', n.nspname, c.relname), p.partmethod = 'n' AND p.repmodel = 't',
             CASE WHEN p.partmethod = 'h' THEN column_to_column_name(p.logicalrelid, p.partkey) END,
             p.colocationid::int8, g.shardcount::int8
      FROM pg_dist_partition p JOIN pg_class c ON c.oid = p.logicalrelid JOIN pg_namespace n ON n.oid = c.relnamespace
      JOIN pg_dist_colocation g ON g.colocationid = p.colocationid
      WHERE NOT c.relispartition AND (p.partmethod = 'h' OR p.partmethod = 'n' AND p.repmodel = 't') ORDER BY 4, 1
      """
    )
    var first: [Int64: String] = [:]
    var calls: [String] = []
    for row in rows {
      let (table, isReplicated, column, group, shards) = try row.decode(
        String.self,
        Bool.self,
        String?.self,
        Int64.self,
        Int64.self
      )
      let name = SQLValue.quotedLiteral(table)
      guard !isReplicated, let column else {
        calls.append(Placement.callReplicating(name) + ";")
        continue
      }
      let beside = first[group].map { "colocate_with => \(SQLValue.quotedLiteral($0))" }
      calls.append(
        Placement.call(
          table: name,
          column: SQLValue.quotedLiteral(column),
          options: ", " + (beside ?? "shard_count => \(shards), colocate_with => 'none'")
        ) + ";"
      )
      if first[group] == nil { first[group] = table }
    }
    return calls.isEmpty ? "" : "\n" + calls.joined(separator: "\n") + "\n"
  }

  /// The `pg_dump` of an engine that has one of its own: of the release in use, else where its packages install it.
  static func ownProgram(
    of engine: Engine,
    home: String? = getenv("GPHOME").map { String(cString: $0) },
    folders: [String] = ["/usr/local/greenplum-db", "/usr/local/cloudberry-db"]
  ) -> String? {
    guard engine.placement == .clause else { return nil }
    let programs = ([home].compactMap(\.self) + folders).map { $0 + "/bin/pg_dump" }
    return programs.first { access($0, X_OK) == 0 }
  }

  /// PostgreSQL's own `pg_dump` reads Greenplum's tables and leaves out how their rows are placed.
  static func checkPlacement(_ dump: String, _ engine: Engine, _ program: String) throws {
    guard engine.placement == .clause, dump.contains("\nCREATE TABLE "), !dump.contains("DISTRIBUTED ") else {
      return
    }
    throw MigrationError(
      .toolFailed,
      "\(program) writes tables without DISTRIBUTED BY: it is PostgreSQL's own and not the server's",
      hint: "Fix: name the pg_dump of the server's release with --pg-dump, such as "
        + "/usr/local/greenplum-db/bin/pg_dump"
    )
  }

  /// Leaves out what differs from run to run: psql's `\restrict` key, and the versions of server and program.
  static func stable(_ dump: String) -> String {
    let changing = ["\\restrict", "\\unrestrict", "-- Dumped from", "-- Dumped by"]
    var lines: [Substring] = []
    for line in dump.split(separator: "\n", omittingEmptySubsequences: false)
    where !changing.contains(where: line.hasPrefix) {
      if line.isEmpty, lines.last?.isEmpty ?? true { continue }
      lines.append(line)
    }
    return lines.joined(separator: "\n")
  }

  private func inserts(_ records: [HistoryRecord]) -> String {
    let rows = records.filter { $0.state == .applied }.map { record in
      let texts = [
        record.id.key, record.name, record.kind.rawValue, record.state.rawValue, String(record.appliedOrder),
        record.templateHash, record.parametersHash, record.renderedHash, record.parametersJSON,
        String(record.statementsTotal), String(record.statementsDone), record.doneHash, dialect.rawValue,
        "adbvec", String(HistoryTable.format),
      ]
      return "  (\(texts.map(SQLValue.quotedLiteral).joined(separator: ", ")), session_user, now(), now())"
    }
    guard !rows.isEmpty else { return "" }
    return """

      INSERT INTO \(history.sqlName) (version, name, kind, state, applied_order, template_sha256, parameters_sha256, \
      rendered_sha256, parameters, statements_total, statements_done, done_sha256, dialect, tool, format, applied_by, \
      started_at, finished_at) VALUES
      \(rows.joined(separator: ",\n"));

      """
  }

  /// The server as `pg_dump` is told of it: all that libpq was told, secrets by its environment, which others cannot read.
  static func target(
    _ settings: ConnectionSettings
  ) throws -> (arguments: [String], environment: [String: String]) {
    var given = try settings.url.map(ConnectionSettings.keywords) ?? [:]
    given.merge(settings.overrides) { $1 }
    given["client_encoding"] = nil
    let password = given.removeValue(forKey: "password")
    guard given["sslpassword"] == nil else {
      throw MigrationError(
        .toolFailed,
        "pg_dump takes the password of a client key (sslpassword) by its command line only, where others can read it",
        hint: "Fix: name a key without a password with sslkey for the dump"
      )
    }
    let words = given.sorted { $0.key < $1.key }.map { keyword, value in
      var quoted = ""
      for scalar in value.unicodeScalars {
        if scalar == "'" || scalar == "\\" { quoted += "\\" }
        quoted.unicodeScalars.append(scalar)
      }
      return "\(keyword)='\(quoted)'"
    }
    return (
      words.isEmpty ? [] : ["--dbname", words.joined(separator: " ")],
      password.map { ["PGPASSWORD": $0] } ?? [:]
    )
  }
}

/// A process that another thread may end.
private final class RunningProcess: Sendable {
  private let id = Mutex<pid_t>(0)

  @inline(never) func set(_ process: pid_t) { id.withLock { $0 = process } }

  @inline(never) func terminate() {
    id.withLock { process in
      if process > 0 { kill(process, SIGTERM) }
    }
  }
}

/// Another program, run to its end for what it prints; its errors go where ours go.
struct HelperProgram: Sendable {
  let path: String
  let arguments: [String]
  /// Variables that are added to this process's own.
  let environment: [String: String]

  /// - Throws: `MigrationError` with code `toolFailed` when it cannot be started or fails; `CancellationError`, when the
  ///   task was cancelled, which ends the program.
  func output() async throws -> String {
    let running = RunningProcess()
    return try await withTaskCancellationHandler {
      let text = try await BlockingThread().run { try output(running) }
      try Task.checkCancellation()
      return text
    } onCancel: {
      running.terminate()
    }
  }

  private func output(_ running: RunningProcess) throws -> String {
    var ends: [Int32] = [0, 0]
    guard pipe(&ends) == 0 else { throw failure(errno) }
    defer { close(ends[0]) }
    var process = pid_t()
    let problem = spawn(&process, standardOutput: ends[1], unused: ends[0])
    close(ends[1])
    guard problem == 0 else { throw failure(problem) }
    running.set(process)
    let bytes = readAll(ends[0])
    // Behind waitpid the number may belong to another process.
    running.set(0)
    var status: Int32 = 0
    while waitpid(process, &status, 0) < 0, errno == EINTR {}
    guard status == 0 else { throw MigrationError(.toolFailed, "\(path) failed; its message stands above") }
    return String(decoding: bytes, as: UTF8.self)
  }

  private func spawn(_ process: inout pid_t, standardOutput: Int32, unused: Int32) -> Int32 {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_adddup2(&actions, standardOutput, STDOUT_FILENO)
    posix_spawn_file_actions_addclose(&actions, standardOutput)
    posix_spawn_file_actions_addclose(&actions, unused)
    let words = ([path] + arguments).map { strdup($0) }
    let variables = merged().map { strdup("\($0.key)=\($0.value)") }
    defer { for pointer in words + variables { free(pointer) } }
    return posix_spawnp(&process, path, &actions, nil, words + [nil], variables + [nil])
  }

  private func merged() -> [String: String] {
    var all: [String: String] = [:]
    var entry = environ
    while let variable = entry.pointee {
      let parts = String(cString: variable).split(
        separator: "=",
        maxSplits: 1,
        omittingEmptySubsequences: false
      )
      if parts.count == 2 { all[String(parts[0])] = String(parts[1]) }
      entry += 1
    }
    return all.merging(environment) { $1 }
  }

  private func readAll(_ descriptor: Int32) -> [UInt8] {
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while true {
      let count = read(descriptor, &buffer, buffer.count)
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { return bytes }
      bytes += buffer[..<count]
    }
  }

  private func failure(_ number: Int32) -> MigrationError {
    MigrationError(
      .toolFailed,
      "cannot run \(path): \(String(cString: strerror(number)))",
      hint: "Fix: install PostgreSQL's client programs, or name the program with --pg-dump"
    )
  }
}

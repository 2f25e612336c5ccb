public import PostgresClient
internal import VectorSQL

extension Migrator {
  /// The schema as SQL that gives an empty database the same schema and history; the same text for the same schema.
  ///
  /// - Parameters:
  ///   - settings: how to reach the server; a password goes to `pg_dump` by its environment, which others cannot read.
  ///   - program: `pg_dump`, at least as new as the server.
  /// - Throws: `MigrationError` with code `toolFailed`.
  public func dump(_ settings: ConnectionSettings, program: String = "pg_dump") async throws -> String {
    let connection = try await PostgresConnection.connect(settings)
    let state = try await session(connection).readState()
    let schema = try HelperProgram(
      path: program,
      arguments: ["--schema-only", "--no-owner", "--no-privileges"],
      environment: try Self.variables(settings)
    ).output()
    return Self.stable(schema) + inserts(state.records)
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
        "adbvec",
      ]
      return "  (\(texts.map(ParameterValue.quote).joined(separator: ", ")), session_user, now(), now())"
    }
    guard !rows.isEmpty else { return "" }
    return """

      INSERT INTO \(history.sqlName) (version, name, kind, state, applied_order, template_sha256, parameters_sha256, \
      rendered_sha256, parameters, statements_total, statements_done, done_sha256, dialect, tool, applied_by, \
      started_at, finished_at) VALUES
      \(rows.joined(separator: ",\n"));

      """
  }

  private static func variables(_ settings: ConnectionSettings) throws -> [String: String] {
    let names = [
      "host": "PGHOST", "hostaddr": "PGHOSTADDR", "port": "PGPORT", "user": "PGUSER",
      "password": "PGPASSWORD",
      "dbname": "PGDATABASE", "sslmode": "PGSSLMODE", "sslrootcert": "PGSSLROOTCERT", "options": "PGOPTIONS",
      "service": "PGSERVICE", "passfile": "PGPASSFILE",
    ]
    let given = try settings.url.map(ConnectionSettings.keywords) ?? [:]
    var variables: [String: String] = [:]
    for (keyword, value) in given.merging(settings.overrides, uniquingKeysWith: { $1 }) {
      if let name = names[keyword] { variables[name] = value }
    }
    return variables
  }
}

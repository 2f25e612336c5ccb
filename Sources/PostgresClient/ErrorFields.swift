internal import CLibpq

/// Reads the fields of an error or notice; the letters are those of the protocol's ErrorResponse message
/// (PostgreSQL documentation, "Error and Notice Message Fields"), which libpq's `PG_DIAG_*` macros name.
struct ErrorFields {
  let result: OpaquePointer?

  var severity: String? { field("V") ?? field("S") }
  var sqlState: String? { field("C") }
  var message: String? { field("M") }
  var detail: String? { field("D") }
  var hint: String? { field("H") }
  var position: Int? { field("P").flatMap { Int($0) } }
  var context: String? { field("W") }
  var schemaName: String? { field("s") }
  var tableName: String? { field("t") }
  var columnName: String? { field("c") }
  var constraintName: String? { field("n") }

  private func field(_ letter: Unicode.Scalar) -> String? {
    PQresultErrorField(result, Int32(letter.value)).map { String(cString: $0) }
  }
}

extension PostgresError {
  /// What the server, or libpq in its place, said of a failed result.
  init(result: OpaquePointer?, connection: OpaquePointer?) {
    let fields = ErrorFields(result: result)
    guard let message = fields.message, let sqlState = fields.sqlState else {
      let message = Self.libpqMessage(connection)
      let isLost = Self.isLost(connection, message)
      self.init(code: isLost ? .connectionLost : .unexpectedResult, message: message)
      return
    }
    let lost = PQstatus(connection) == CONNECTION_BAD
    self.init(
      code: lost ? .connectionLost : .server,
      message: Redaction.message(message, sqlState: sqlState),
      sqlState: sqlState,
      hint: fields.hint
    )
    severity = fields.severity
    detail = fields.detail.flatMap { Redaction.detail($0, sqlState: sqlState) }
    context = fields.context.flatMap(Redaction.context)
    position = fields.position
    schemaName = fields.schemaName
    tableName = fields.tableName
    columnName = fields.columnName
    constraintName = fields.constraintName
  }

  /// Whether the connection is gone. libpq marks one whose other end closed only when it reads from it, and a COPY only
  /// writes; its messages are never translated, because this program sets no locale for them.
  private static func isLost(_ connection: OpaquePointer?, _ message: String) -> Bool {
    if PQstatus(connection) == CONNECTION_BAD || PQconsumeInput(connection) == 0 { return true }
    return [
      "server closed the connection", "could not send data", "could not receive data", "no connection to",
    ]
    .contains { message.contains($0) }
  }

  /// libpq's last word on a connection, folded into one line.
  static func libpqMessage(_ connection: OpaquePointer?) -> String {
    let lines = String(cString: PQerrorMessage(connection)).split(whereSeparator: \.isNewline)
    let text = lines.map { line in String(line.drop { $0.isWhitespace }) }.joined(separator: "; ")
    return text.isEmpty ? "the connection to the server was lost" : text
  }
}

extension PostgresNotice {
  init(result: OpaquePointer?) {
    let fields = ErrorFields(result: result)
    self.init(
      severity: fields.severity ?? "NOTICE",
      sqlState: fields.sqlState,
      message: fields.message ?? "",
      detail: fields.detail,
      hint: fields.hint
    )
  }
}

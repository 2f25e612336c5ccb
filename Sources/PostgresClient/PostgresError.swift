internal import CLibpq

/// What went wrong between this program and the server.
///
/// Carries everything the server said but no bound value: a message of PostgreSQL's own may quote a short literal from
/// the statement, never a binary parameter.
public struct PostgresError: Error, Sendable, Hashable {
  /// The kind of failure; open, so that a new kind breaks nobody's switch.
  public struct Code: Sendable, Hashable, CustomStringConvertible {
    /// The code's name, as it is written here.
    public let description: String

    /// The address or a keyword could not be read; nothing was sent.
    public static let invalidSettings = Code(description: "invalidSettings")
    /// libpq is not installed, or is too old; nothing was sent.
    public static let libraryMissing = Code(description: "libraryMissing")
    /// No connection: nobody listens, wrong password, unknown database, time-out.
    public static let connectionFailed = Code(description: "connectionFailed")
    /// The connection broke while it was in use.
    public static let connectionLost = Code(description: "connectionLost")
    /// The server refused a statement; `sqlState` says why.
    public static let server = Code(description: "server")
    /// COMMIT was answered with a rollback.
    public static let rolledBack = Code(description: "rolledBack")
    /// A pool had no connection to give in time, or is closed.
    public static let poolExhausted = Code(description: "poolExhausted")
    /// The server's answer does not fit the request (a COPY where rows were asked for, another column count).
    public static let unexpectedResult = Code(description: "unexpectedResult")
    /// A value of a column cannot be read as the Swift type asked for.
    public static let decoding = Code(description: "decoding")
    /// The session is on a node of a cluster where work would go astray.
    public static let wrongNode = Code(description: "wrongNode")
    /// A value cannot be sent: too long, or not representable in its type.
    public static let encoding = Code(description: "encoding")
  }

  /// The kind of failure.
  public var code: Code
  /// The primary message, one line.
  public var message: String
  /// Five characters, opaque: Greenplum has letters of its own. Nil when the server sent none.
  public var sqlState: String?
  /// `ERROR`, `FATAL` …, not localised where the server tells.
  public var severity: String?
  /// The server's DETAIL line.
  public var detail: String?
  /// The server's HINT line.
  public var hint: String?
  /// The server's CONTEXT lines.
  public var context: String?
  /// Where in the statement, counted in characters from 1.
  public var position: Int?
  /// The schema named by the error.
  public var schemaName: String?
  /// The table named by the error.
  public var tableName: String?
  /// The column named by the error.
  public var columnName: String?
  /// The constraint named by the error.
  public var constraintName: String?

  /// An error made on this side.
  public init(code: Code, message: String, sqlState: String? = nil, hint: String? = nil) {
    self.code = code
    self.message = message
    self.sqlState = sqlState
    self.hint = hint
  }

  /// Whether the connection is gone, so that a new one is needed.
  public var isConnectionProblem: Bool {
    if [.invalidSettings, .libraryMissing, .connectionFailed, .connectionLost].contains(code) { return true }
    // The server may still tell why before it goes; 08P01 is a malformed message and no broken connection.
    guard let sqlState, sqlState != "08P01" else { return false }
    return sqlState.hasPrefix("08") || ["57P01", "57P02", "57P03"].contains(sqlState)
  }
}

extension PostgresError: CustomStringConvertible {
  /// Message, SQLSTATE, detail and hint on one line.
  public var description: String {
    var text = message
    if let sqlState { text += " (SQLSTATE \(sqlState))" }
    if let detail { text += "; \(detail)" }
    if let hint { text += code == .wrongNode ? ". Fix: \(hint)" : "; hint: \(hint)" }
    return text
  }
}

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
    guard let message = fields.message, let state = fields.sqlState else {
      let message = Self.libpqMessage(connection)
      let isLost = Self.isLost(connection, message)
      self.init(code: isLost ? .connectionLost : .unexpectedResult, message: message)
      return
    }
    let lost = PQstatus(connection) == CONNECTION_BAD
    let sqlState = Self.state(state, of: message)
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

  /// The SQLSTATE that a message deserves: what a worker says of a row of COPY, Citus passes on as an internal error.
  static func state(_ sqlState: String, of message: String) -> String {
    guard sqlState == "XX000" else { return sqlState }
    return violations.first { message.contains("violates \($0.constraint) constraint") }?.state ?? sqlState
  }

  private static let violations: [(constraint: String, state: String)] = [
    ("unique", "23505"), ("not-null", "23502"), ("check", "23514"),
    ("foreign key", "23503"),
    ("exclusion", "23P01"),
  ]

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

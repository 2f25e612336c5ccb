/// What a sandbox tells whoever runs it. Holds no SQL text and no data.
public enum SandboxEvent: Sendable, Hashable {
  /// Clients can connect.
  case listening(host: String, port: Int)
  /// A client connected; sessions are counted from 1.
  case opened(session: Int)
  /// A client's connection ended.
  case closed(session: Int)
  /// A clause was left out of a statement.
  case leftOut(DistributionClause.Kind, session: Int)
  /// A client was turned away before it had a session.
  case refused(session: Int, reason: String)
  /// The server behind the sandbox could not be reached.
  case serverUnreachable(session: Int)
}

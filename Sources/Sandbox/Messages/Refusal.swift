/// Why a client was turned away before it had a session.
struct Refusal: Error, Sendable, Hashable, CustomStringConvertible {
  let description: String

  static let encrypted = Refusal(
    description: "the client began with TLS, which the sandbox does not speak; use sslmode=disable or prefer"
  )
  static let notPostgres = Refusal(description: "the client does not speak PostgreSQL's protocol")
  static let repeatedRequest = Refusal(description: "the client asked for encryption again after a refusal")
}

/// What one check found.
public struct Finding: Sendable, Hashable, Encodable {
  /// How a check ended.
  public enum Verdict: String, Sendable, Hashable, Encodable {
    /// As it should be.
    case ok
    /// Something that makes searches fail, miss rows or take long.
    case wrong
    /// Not looked at; the message says why.
    case skipped
  }

  /// The check's name, such as `index metric`.
  public let check: String
  /// How it ended.
  public let verdict: Verdict
  /// One sentence: what was found.
  public let message: String
  /// The statement or command that mends it; nil unless something is wrong.
  public let remedy: String?

  init(_ check: String, _ outcome: Outcome) {
    self.check = check
    switch outcome {
    case .ok(let message): (verdict, self.message, remedy) = (.ok, message, nil)
    case .wrong(let message, let remedy): (verdict, self.message, self.remedy) = (.wrong, message, remedy)
    case .skipped(let message): (verdict, self.message, remedy) = (.skipped, message, nil)
    }
  }
}

/// What a check says of the facts.
enum Outcome: Sendable, Hashable {
  case ok(String)
  case wrong(String, remedy: String)
  case skipped(String)
}

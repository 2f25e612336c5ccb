internal import NIOCore

/// The body of a Query or Parse message on its way through.
///
/// Query: the text, NUL. Parse: a statement name, NUL, the text, NUL, the parameter types.
struct StatementBody {
  private enum Part { case name, text, rest }

  /// How many bytes are still to come.
  private(set) var remaining: Int
  private var part: Part
  private var examined = 0
  private var textStart = 0
  private var finder: ClauseFinder

  init(length: Int, hasName: Bool, longestHold: Int) {
    finder = ClauseFinder(longestHold: longestHold)
    remaining = length
    part = hasName ? .name : .text
  }

  /// All bytes before this place in the body may go to the server.
  var settled: Int { part == .text ? textStart + finder.settled : examined }

  /// Reads the next bytes of the body, no more than `remaining`.
  /// - Returns: the clauses now known, with their bytes counted from the start of the body.
  mutating func read(_ bytes: ByteBufferView) -> [DistributionClause] {
    var bytes = bytes
    remaining -= bytes.count
    if part == .name {
      let end = bytes.firstIndex(of: 0).map { $0 + 1 }
      take(&bytes, upTo: end ?? bytes.endIndex)
      if end != nil {
        textStart = examined
        part = .text
      }
    }
    guard part == .text else {
      examined += bytes.count
      return []
    }
    let end = bytes.firstIndex(of: 0)
    let text = bytes[..<(end ?? bytes.endIndex)]
    let isLast = end != nil || remaining == 0
    let clauses = finder.read(text, isLast: isLast).map { $0.shifted(by: textStart) }
    examined += bytes.count
    if isLast { part = .rest }
    return clauses
  }

  private mutating func take(_ bytes: inout ByteBufferView, upTo end: Int) {
    examined += end - bytes.startIndex
    bytes = bytes[end...]
  }
}

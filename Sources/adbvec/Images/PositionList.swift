import CommandSupport
/// Positions as people write them: `3,7,10-19`.
enum PositionList {
  static func parse(_ text: String, below count: Int) throws -> [Int] {
    try text.split(separator: ",").flatMap { part -> [Int] in
      let ends = part.split(separator: "-").map { Int($0.filter { !$0.isWhitespace }) }
      guard let first = ends.first ?? nil, let last = ends.last ?? nil, ends.count <= 2, first <= last,
        first >= 0
      else {
        throw CommandFailure(
          "--ids takes numbers and ranges such as 3,7,10-19, not \"\(part)\"",
          exitCode: 64
        )
      }
      guard last < count else {
        throw CommandFailure("there is no image \(last): ids are 0…\(count - 1)")
      }
      guard last - first < 1000 else {
        throw CommandFailure("a grid holds at most 1000 images", exitCode: 64)
      }
      return Array(first...last)
    }
  }
}

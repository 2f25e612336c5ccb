/// Finds what somebody who mistyped a name may have meant.
package enum Suggestion {
  /// `; did you mean dim?`, or nothing when no name is near.
  package static func nearest(to word: String, in names: [String]) -> String {
    guard word.utf8.count <= 64 else { return "" }
    let scored = names.map { (name: $0, distance: distance(Array(word), Array($0))) }
    guard let best = scored.min(by: { $0.distance < $1.distance }) else { return "" }
    return best.distance <= max(1, word.count / 3) ? "; did you mean \(best.name)?" : ""
  }

  /// Changes, additions, omissions and swaps of neighbours that lead from one word to the other.
  private static func distance(_ left: [Character], _ right: [Character]) -> Int {
    var rows = [Array(0...right.count)]
    for (i, letter) in left.enumerated() {
      var row = [i + 1]
      for (j, other) in right.enumerated() {
        var best = min(rows[i][j] + (letter == other ? 0 : 1), row[j] + 1, rows[i][j + 1] + 1)
        if i > 0, j > 0, letter == right[j - 1], left[i - 1] == other {
          best = min(best, rows[i - 1][j - 1] + 1)
        }
        row.append(best)
      }
      rows.append(row)
    }
    return rows[left.count][right.count]
  }
}

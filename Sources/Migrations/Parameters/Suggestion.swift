/// Finds what somebody who mistyped a name may have meant.
enum Suggestion {
  /// `; did you mean dim?`, or nothing when no name is near.
  static func nearest(to word: String, in names: [String]) -> String {
    let scored = names.map { (name: $0, distance: distance(Array(word), Array($0))) }
    guard let best = scored.min(by: { $0.distance < $1.distance }) else { return "" }
    return best.distance <= max(1, word.count / 3) ? "; did you mean \(best.name)?" : ""
  }

  /// Levenshtein's distance.
  private static func distance(_ left: [Character], _ right: [Character]) -> Int {
    var row = Array(0...right.count)
    for (i, letter) in left.enumerated() {
      var diagonal = row[0]
      row[0] = i + 1
      for (j, other) in right.enumerated() {
        let change = diagonal + (letter == other ? 0 : 1)
        diagonal = row[j + 1]
        row[j + 1] = min(change, row[j] + 1, row[j + 1] + 1)
      }
    }
    return row[right.count]
  }
}

/// A search's answer with what the page shows beside it.
struct SearchResult: Sendable {
  /// Where the time went, in milliseconds.
  struct Timing: Sendable, Hashable {
    /// Decoding the image and running the network; 0 when neither was needed.
    var features = 0.0
    /// In the database, as its client saw it.
    var database = 0.0
    /// In queues.
    var waiting = 0.0
    /// From the whole request to the answer.
    var total = 0.0

    /// The `Server-Timing` header, which a browser shows and a script may read.
    var header: String {
      [("features", features), ("db", database), ("wait", waiting), ("total", total)]
        .map { "\($0.0);dur=\(Decimals.text($0.1, 3))" }.joined(separator: ", ")
    }
  }

  let subject: SearchSubject
  /// The subject's class, for an image of the collection.
  let subjectLabel: String?
  /// The uploaded file's name.
  let subjectName: String?
  /// What the upload's features took when it was uploaded.
  let uploadMilliseconds: Double?
  let options: SearchOptions
  let answer: SearchAnswer
  let timing: Timing
}

/// Numbers for people.
enum Decimals {
  /// A number with a fixed count of decimals, always with a point.
  static func text(_ value: Double, _ decimals: Int) -> String {
    guard value.isFinite else { return "\(value)" }
    var scale = 1.0
    for _ in 0..<decimals { scale *= 10 }
    let scaled = (abs(value) * scale).rounded()
    guard scaled < 1e15 else { return "\(value)" }
    let digits = String(Int64(scaled))
    let padded = String(repeating: "0", count: max(0, decimals + 1 - digits.count)) + digits
    let sign = value < 0 && scaled > 0 ? "-" : ""
    return decimals == 0 ? sign + padded : "\(sign)\(padded.dropLast(decimals)).\(padded.suffix(decimals))"
  }

  /// A distance: four digits that count, or more where it is large.
  static func distance(_ value: Double) -> String {
    switch abs(value) {
    case 1000...: text(value, 0)
    case 100...: text(value, 1)
    case 10...: text(value, 2)
    case 1...: text(value, 3)
    default: text(value, 4)
    }
  }
}

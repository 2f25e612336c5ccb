/// Values that try to leave their place in SQL, in a script for psql or in CSV.
public enum HostileValues {
  /// What the pieces would do when they got out.
  public static let canary = "DROP TABLE canary;"

  /// What ends or opens something for somebody who reads the text.
  private static let pieces = [
    "'", "''", "\"", "\"\"", "\\", "\\'", "\\\\", "`", ";", "--", "-- ", "/*", "*/", "/", "*", "$$", "$a$",
    "$", "(", ")",
    "\n", "\r", "\r\n", "\t", "\u{B}", "\u{C}", "\n\\.\n", "\\.", "\\N", "\u{301}", "'\u{301}", "\"\u{301}",
    "\u{338}",
    "\u{2028}", "\u{2029}", "\u{85}", "\u{A0}", "\u{FF07}", "\u{2019}", "\u{FEFF}", "\u{200D}", ":PORT",
    ":'PORT'",
    ":\"PORT\"", ":{?PORT}", "::", "\\gexec", "\\! true", "\\q", "E'", "U&'", "U&\"", "X'", "N'", "{{v}}",
    "{{#if v}}",
    "}}", "-- migrate:down\n", "COMMIT;", "ROLLBACK;", "END $$;", "COPY t FROM stdin;\n", ",", "\t\t", "1",
    "select",
    "DO", "%s", "?", "$1", "&", "<", "é", "日本", "\u{1F600}",
  ]

  /// 500 of them, the same in every run: each piece alone before and behind the canary's statement, then mixtures.
  public static let all: [String] = {
    var random = Numbers(state: 22)
    var values = pieces.flatMap { [$0 + canary, $0 + ";" + canary + $0, "x" + $0] }
    while values.count < 500 {
      let count = Int.random(in: 1...4, using: &random)
      let before = (0..<count).map { _ in pieces[Int.random(in: pieces.indices, using: &random)] }.joined()
      let behind = pieces[Int.random(in: pieces.indices, using: &random)]
      values.append(before + (Bool.random(using: &random) ? canary : "") + behind)
    }
    return Array(values.prefix(500))
  }()

  private struct Numbers: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return state ^ (state >> 29)
    }
  }
}

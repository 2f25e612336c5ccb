import Basics
import Testing

@Suite struct PrintableTextTests {
  @Test func controlCharactersAreWrittenOut() {
    #expect(PrintableText.line("\u{1B}]0;owned\u{7}\u{1B}[31mred") == "\\x1B]0;owned\\x07\\x1B[31mred")
    #expect(PrintableText.line("a\nb\tc\rd") == "a\\nb\\tc\\rd")
    #expect(PrintableText.line("\u{9B}31m\u{7F}") == "\\x9B31m\\x7F")
    #expect(PrintableText.line("a\u{202E}b\u{2028}c\u{2066}") == "a\\u202Eb\\u2028c\\u2066")
    // A line feed and a mark that combine into one Character are still found.
    #expect(PrintableText.line("a\r\nb\n\u{301}") == "a\\r\\nb\\n\u{301}")
  }

  @Test func linesAndTabsStayInTexts() {
    #expect(PrintableText.lines("a\n\tb\u{1B}[2J\r") == "a\n\tb\\x1B[2J\\r")
  }

  @Test func otherTextIsUntouched() {
    for text in ["", "猫", "Ærø 👩‍👩‍👧", "a\\x1B", "e\u{301}"] { #expect(PrintableText.line(text) == text) }
  }
}

@Suite struct NameTests {
  @Test func namesInSnakeCase() {
    let names = [
      "noSuchID": "no_such_id", "databaseMilliseconds": "database_milliseconds", "id": "id",
      "sha256": "sha256",
      "history_table": "history_table", "URLOfServer": "url_of_server", "": "",
      "meanDeviation": "mean_deviation",
    ]
    for (name, expected) in names { #expect(snakeCase(name) == expected) }
  }

  @Test func suggestionsAreNearNames() {
    #expect(Suggestion.nearest(to: "serch", in: ["search", "serve"]) == "; did you mean search?")
    #expect(Suggestion.nearest(to: "sevre", in: ["search", "serve"]) == "; did you mean serve?")
    #expect(Suggestion.nearest(to: "frobnicate", in: ["search", "serve"]) == "")
    #expect(Suggestion.nearest(to: "x", in: []) == "")
  }
}

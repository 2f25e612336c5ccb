import SQLLexer
import Testing

/// Tokens as PostgreSQL's scanner cuts them.
@Suite struct TokenTests {
  private func tokens(_ text: String) -> [String] {
    let script = Script(text)
    return script.tokens.filter(\.isSignificant).map { script.source[$0.range] }
  }

  private func kinds(_ text: String) -> [Token.Kind] {
    Script(text).tokens.filter(\.isSignificant).map(\.kind)
  }

  @Test(arguments: [
    ("a<->b", ["a", "<->", "b"]), ("5<->-3", ["5", "<->", "-", "3"]), ("4@-5", ["4", "@-", "5"]),
    ("1+-1", ["1", "+", "-", "1"]), ("a::int[]", ["a", "::", "int", "[", "]"]), ("a=>1", ["a", "=>", "1"]),
    ("a:=1", ["a", ":=", "1"]), ("1..10", ["1", "..", "10"]), ("x[1:2]", ["x", "[", "1", ":", "2", "]"]),
    ("1e5", ["1e5"]), ("1e", ["1", "e"]), ("0xFFg", ["0xFF", "g"]), ("1_000", ["1_000"]), ("a$1", ["a$1"]),
    ("$1+$2", ["$1", "+", "$2"]), ("a*/*c*/b", ["a", "*", "b"]), ("2--1", ["2"]), (".5", [".5"]),
    ("t.*", ["t", ".", "*"]),
  ])
  func `Text is cut into tokens`(text: String, expected: [String]) {
    #expect(tokens(text) == expected)
  }

  @Test func `A token knows what it is`() {
    #expect(
      kinds("a \"b\" 'c' E'd' U&'e' X'1' $$f$$ 1 $2 <-> ; {") == [
        .word, .quotedIdentifier, .string, .escapeString, .unicodeString, .bitString, .dollarString, .number,
        .parameter,
        .operator, .punctuation, .unknown,
      ]
    )
  }

  @Test func `Strings on several lines are one literal`() {
    #expect(kinds("'a'\n  'b'") == [.string])
    #expect(kinds("'a' 'b'") == [.string, .string])
    #expect(kinds("E'a'\n'\\''") == [.escapeString])
    #expect(kinds("'a' -- c\n'b'") == [.string])
  }
}

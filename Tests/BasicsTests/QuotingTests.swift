import Basics
import Testing

/// Quotes with combining marks behind them are quotes.
@Suite struct QuotingTests {
  /// One `Character` each, which equals none of the marks.
  private let joined = ["\"\u{301}", "'\u{301}", ",\u{300}", ";\u{338}"]

  @Test func `Every mark inside is doubled`() {
    #expect(Quoting.doubling("a\"\u{301}; DROP") == "\"a\"\"\u{301}; DROP\"")
    #expect(Quoting.doubling("it's\u{301}", "'") == "'it''s\u{301}'")
    for text in joined {
      let inner = Quoting.doubling(text).unicodeScalars.dropFirst().dropLast()
      #expect(inner.filter { $0 == "\"" }.count % 2 == 0)
    }
  }

  @Test(arguments: [
    ("plain", "plain"), ("a,b", "\"a,b\""), ("a,\u{300}b", "\"a,\u{300}b\""),
    ("\"\u{301}", "\"\"\"\u{301}\""),
    ("a\r\nb", "\"a\r\nb\""), ("a b", "a b"), ("", ""),
  ])
  func `A CSV field is quoted where it has to be`(text: String, expected: String) {
    #expect(Array(Quoting.csvField(text).utf8) == Array(expected.utf8))
  }

  @Test func `A shell reads one word`() {
    #expect(Quoting.shellWord("a'\u{301}; rm x") == "'a'\\''\u{301}; rm x'")
  }

  @Test func `Nothing ends a text or an attribute of HTML`() {
    #expect(Array(Quoting.html("<&>'\"\u{301}").utf8) == Array("&lt;&amp;&gt;&#39;&quot;\u{301}".utf8))
    #expect(Quoting.html("a\u{1B}b\u{9B}\u{7F}\0\n\té") == "a\u{FFFD}b\u{FFFD}\u{FFFD}\u{FFFD}\n\té")
  }

  @Test func `A string of JSON reads back as it was`() throws {
    let scalars = (0..<0x180).compactMap(Unicode.Scalar.init).map(String.init)
    for text in joined + scalars + ["\u{1F600}", "a\"\\\u{301}\n"] {
      var written = Quoting.json(text)
      #expect(written.utf8.allSatisfy { $0 >= 0x20 })
      let read = try written.withUTF8 { bytes in
        var scanner = JSONScanner(UnsafeRawBufferPointer(bytes))
        let read = try scanner.string()
        try scanner.end()
        return read
      }
      #expect(Array(read.unicodeScalars) == Array(text.unicodeScalars))
    }
    // Hashes of parameters are made of this form.
    #expect(Quoting.json("a\n\u{1F}") == #""a\n\u001f""#)
  }
}

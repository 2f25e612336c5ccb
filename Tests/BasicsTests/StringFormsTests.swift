import Testing

@testable import Basics

@Suite struct StringFormsTests {
  @Test func numbersTakeTheirForm() {
    #expect(String(printf: "%.3f", 1.0 / 3) == "0.333")
    #expect(String(printf: "%.4g", 12345.678) == "1.235e+04")
    #expect(String(printf: "%.0f %%  ", 99.6) == "100 %  ")
    #expect(String(printf: "%.6g", Double.nan).hasSuffix("nan"))
  }

  @Test func onlyUnreservedCharactersStandForThemselvesInLinks() {
    #expect(PercentEncoding.text("az-AZ_09.~") == "az-AZ_09.~" && PercentEncoding.text("").isEmpty)
    #expect(PercentEncoding.text("a b/\u{1}é%") == "a%20b%2F%01%C3%A9%25")
    #expect(PercentEncoding.text([0x2F, 0x61, 0xFF], keeping: UInt8(ascii: "/")) == "/a%FF")
  }

  @Test func longNumbersEndWithTheRoom() {
    #expect(String(printf: "%.600f", 1.0).count == 511)
  }

  @Test(arguments: [(" a b \n", "a b"), ("", ""), (" \t\r\n", ""), ("a", "a"), ("\u{3000}é\u{2028}", "é")])
  func whiteSpaceAroundIsDropped(text: String, expected: String) {
    #expect(text.trimmingWhitespace() == expected)
  }
}

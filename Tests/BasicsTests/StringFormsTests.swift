import Testing

@testable import Basics

@Suite struct StringFormsTests {
  @Test func numbersTakeTheirForm() {
    #expect(String(printf: "%.3f", 1.0 / 3) == "0.333")
    #expect(String(printf: "%.4g", 12345.678) == "1.235e+04")
    #expect(String(printf: "%.0f %%  ", 99.6) == "100 %  ")
    #expect(String(printf: "%.6g", Double.nan).hasSuffix("nan"))
  }

  @Test func longNumbersEndWithTheRoom() {
    #expect(String(printf: "%.600f", 1.0).count == 511)
  }

  @Test(arguments: [(" a b \n", "a b"), ("", ""), (" \t\r\n", ""), ("a", "a"), ("\u{3000}é\u{2028}", "é")])
  func whiteSpaceAroundIsDropped(text: String, expected: String) {
    #expect(text.trimmingWhitespace() == expected)
  }
}

import Basics
import Testing

/// Errors in the parts that JSON shows; terminals show them whole.
@Suite struct ReportedErrorTests {
  private struct Failure: ReportedError {
    var reportedCode: String { "failure" }
    let description: String
  }

  @Test(arguments: [
    ("a: it is empty. Fix: write a row", "a: it is empty", "write a row"),
    ("no fix is known", "no fix is known", nil),
    ("Fix: is the name of a folder", "Fix: is the name of a folder", nil),
    ("a. Fix: one. Fix: another", "a. Fix: one", "another"),
    ("a\n  two  rows\nFix: use --model x", "a\n  two  rows", "use --model x"),
    ("a\nFix: b. Fix: c", "a\nFix: b", "c"),
    ("a. Fix: \u{301}x", "a", "\u{301}x"),
  ])
  func fixIsApartFromMessage(description: String, message: String, fix: String?) {
    let failure = Failure(description: description)
    #expect(failure.reportedMessage == message)
    #expect(failure.fix == fix)
  }
}

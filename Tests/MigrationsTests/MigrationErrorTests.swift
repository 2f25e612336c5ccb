import Basics
import Migrations
import Testing

@Suite struct MigrationErrorTests {
  @Test(arguments: [
    (nil, "m", "m", nil), ("run it again", "m; run it again", "m", "run it again"),
    ("Fix: run it again", "m. Fix: run it again", "m", "run it again"),
    ("a lock is held. Fix: wait", "m; a lock is held. Fix: wait", "m; a lock is held", "wait"),
  ])
  func hintIsShownAndBecomesFix(hint: String?, shown: String, message: String, fix: String?) {
    let error = MigrationError(.drift, "m", hint: hint)
    #expect(error.description == shown)
    #expect(error.reportedCode == "drift" && error.reportedMessage == message && error.fix == fix)
  }
}

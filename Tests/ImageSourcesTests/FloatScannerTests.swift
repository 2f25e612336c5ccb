import Foundation
import Testing

@testable import ImageSources

/// Every text must give the float that `strtof`, and so PostgreSQL, gives.
struct FloatScannerTests {
  private func scan(_ text: String) -> Float? {
    var index = 0
    let value = Array(text.utf8).withUnsafeBytes { FloatScanner.scan($0, &index) }
    return index == text.utf8.count ? value : nil
  }

  private func agrees(_ text: String) -> Bool {
    scan(text)?.bitPattern == strtof(text, nil).bitPattern
  }

  @Test(arguments: [
    "0", "-0", "0.0", "-0.0", "1", "+1", "123456789", "16777217", "16777219", "33554435", "0.1", ".5", "5.",
    "3.4028235e38", "3.4028236e38", "1e39", "-1e39", "1.17549435e-38", "1.1754942e-38", "1e-45", "7e-46",
    "1e-60",
    "1e-400", "1e400", "0e999999999999", "00000000000000000000000001",
    "0.00000000000000000000000000000000000001",
    "9007199254740993", "1.00000005960464477539", "1.000000059604644775390625", "1.0000000596046448",
    "0.30000001192092896", "8.5899346e9", "8589934592.5", "123456789012345678901234567890", "1E5", "1e+5",
    "1e-05",
    "inf", "-Infinity", "nan", "-INF", "NaN",
  ])
  func cornersAgreeWithTheLibrary(text: String) {
    #expect(agrees(text), "\(text) gave \(String(describing: scan(text)))")
  }

  @Test(arguments: ["", "-", ".", "e5", "abc", "--1", "infx", "0x10", "1e", "1_0", "１"])
  func whatIsNoNumberIsNotRead(text: String) {
    #expect(scan(text) == nil)
  }

  /// The forms that are written in practice: a float's shortest text, the float widened as Python prints it, and the
  /// decimal just beside the middle between two floats, which rounding twice gets wrong.
  @Test func randomFloatsAgreeInEveryForm() {
    var random = SystemRandomNumberGenerator()
    for _ in 0..<20_000 {
      let value = Float(bitPattern: random.next())
      guard value.isFinite else { continue }
      let middle = (Double(value) + Double(value.nextUp)) / 2
      for text in [
        "\(value)", "\(Double(value))", "\(middle)", "\(middle.nextUp)", "\(middle.nextDown)",
        String(format: "%.9g", value), String(format: "%.18e", Double(value)), String(format: "%.40f", value),
      ] {
        #expect(agrees(text), "\(text)")
      }
    }
  }
}

import Doctor

/// What `adbvec doctor` prints.
struct DoctorReport: Encodable {
  /// Whether nothing is wrong.
  let healthy: Bool
  /// Each check, in order.
  let findings: [Finding]

  init(findings: [Finding]) {
    self.findings = findings
    healthy = !findings.contains { $0.verdict == .wrong }
  }

  /// A line a check, and what mends it below.
  var text: String {
    let width = findings.map(\.check.count).max() ?? 0
    let lines = findings.flatMap { finding -> [String] in
      let padding = String(repeating: " ", count: width - finding.check.count)
      let mark = ["ok": "ok     ", "wrong": "WRONG  ", "skipped": "skipped"][finding.verdict.rawValue] ?? ""
      let line = "\(mark)  \(finding.check)\(padding)  \(finding.message)"
      return [line]
        + (finding.remedy.map { ["         \(String(repeating: " ", count: width))  → \($0)"] } ?? [])
    }
    let wrong = findings.count { $0.verdict == .wrong }
    let sum = wrong == 0 ? "Nothing is wrong." : "\(wrong) of \(findings.count) checks found something wrong."
    return (lines + ["", sum]).joined(separator: "\n")
  }
}

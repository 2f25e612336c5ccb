import Basics
import Foundation
import TestSupport
import Testing

@testable import Wheels

/// Wheels as pip hands them over, from a folder in place of the package index.
@Suite(.serialized) struct WheelTests {
  /// A folder with one wheel, `adbvec-fixture` 1.0, which pip takes for its index.
  private func withIndex(_ body: (_ folder: String, _ sha256: String) async throws -> Void) async throws {
    let temporary = try TemporaryFolder()
    let folder = temporary.path
    try FileManager.default.createDirectory(atPath: folder + "/index", withIntermediateDirectories: true)
    let file = folder + "/index/adbvec_fixture-1.0-py3-none-any.whl"
    let python = Process()
    python.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    python.arguments = ["python3", "-c", Self.script, file]
    try python.run()
    python.waitUntilExit()
    #expect(python.terminationStatus == 0)
    for (name, value) in [
      ("PIP_NO_INDEX", "1"), ("PIP_FIND_LINKS", folder + "/index"), ("PIP_CONFIG_FILE", "/dev/null"),
    ] {
      setenv(name, value, 1)
    }
    try await body(folder, SHA256.hexadecimal(of: try Data(contentsOf: URL(fileURLWithPath: file))))
  }

  private static let script = """
    import sys, zipfile
    info = "adbvec_fixture-1.0.dist-info/"
    with zipfile.ZipFile(sys.argv[1], "w") as wheel:
        wheel.writestr("fixture/bin/program", "#!/bin/sh")
        wheel.writestr("fixture/share/text", "text")
        wheel.writestr(info + "METADATA", "Metadata-Version: 2.1\\nName: adbvec-fixture\\nVersion: 1.0\\n")
        wheel.writestr(info + "WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr(info + "RECORD", "")
    """

  private func wheel(_ sha256: String, version: String = "1.0") -> Wheel {
    Wheel(project: "adbvec-fixture", version: version, sha256: sha256, licence: "Apache-2.0", megabytes: 1)
  }

  @Test func thePinnedFileIsUnpackedAndItsProgramsRun() async throws {
    try await withIndex { folder, sha256 in
      try await wheel(sha256).unpack(into: folder + "/target", programs: ["fixture/bin"])
      #expect(access(folder + "/target/fixture/bin/program", X_OK) == 0)
      #expect(access(folder + "/target/fixture/share/text", X_OK) != 0 || geteuid() == 0)
      #expect(
        FileManager.default.contents(atPath: folder + "/target/fixture/share/text") == Data("text".utf8)
      )
      let left = try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
      #expect(left == ["index", "target"])
    }
  }

  @Test func anotherFileUnderThatNameIsRefusedAndNothingIsLeft() async throws {
    try await withIndex { folder, _ in
      let error = await #expect(throws: WheelError.self) {
        try await wheel(String(repeating: "0", count: 64)).unpack(into: folder + "/target")
      }
      #expect(error?.code == .digest && error?.fix != nil)
      let left = try FileManager.default.contentsOfDirectory(atPath: folder)
      #expect(left == ["index"])
    }
  }

  @Test func whatPipDoesNotFindIsSaidWithPipsReason() async throws {
    try await withIndex { folder, sha256 in
      let error = await #expect(throws: WheelError.self) {
        try await wheel(sha256, version: "9.9").unpack(into: folder + "/target")
      }
      #expect(error?.code == .network)
      #expect(error?.description.contains("adbvec-fixture==9.9") == true, "\(String(describing: error))")
      let left = try FileManager.default.contentsOfDirectory(atPath: folder)
      #expect(left == ["index"])
    }
  }
}

import Foundation
import TestSupport
import Testing

/// `adbvec` has the migrations itself and hands everything else to `adbvec-full` beside it.
@Suite struct DoorTests {
  /// A folder with the door alone.
  private func withDoorAlone(_ body: @Sendable (_ door: String, _ folder: String) async throws -> Void)
    async throws
  {
    try await withTemporaryFolder { folder in
      let door = folder + "/adbvec"
      try FileManager.default.copyItem(atPath: Program.adbvec, toPath: door)
      try await body(door, folder)
    }
  }

  @Test func `Without the full program migrate works`() async throws {
    try await withDoorAlone { door, folder in
      try "-- migrate:up\nSELECT 1;\n".write(toFile: folder + "/1_a.sql", atomically: true, encoding: .utf8)
      let rendered = try await Program.run(door, ["migrate", "render", "--migrations", folder])
      #expect(rendered.exitCode == 0, "\(rendered.error)")
      #expect(rendered.output.contains("SELECT 1;"))
      let wrong = try await Program.run(door, ["migrate", "render", "--nonsense"])
      #expect(wrong.exitCode == 64)
    }
  }

  @Test func `Without the full program everything else says what is missing`() async throws {
    try await withDoorAlone { door, folder in
      let finished = try await Program.run(door, ["search", "--id", "3"])
      #expect(finished.exitCode == 1)
      #expect(
        finished.error == """
          error: cannot run \(folder)/adbvec-full: No such file or directory; adbvec and adbvec-full belong in one \
          folder (without the second, only adbvec migrate works)

          """
      )
    }
  }

  @Test func `A link to it leads to both`() async throws {
    try await withTemporaryFolder { folder in
      let link = folder + "/adbvec"
      try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: Program.adbvec)
      let finished = try await Program.run(link, ["search", "--help"])
      #expect(finished.exitCode == 0)
      #expect(finished.output.contains("USAGE: adbvec search"))
    }
  }

  @Test func `A mistake in migrate is worded as for the whole command line`() async throws {
    let finished = try await Program.adbvec("migrate", "up", "--nonsense")
    #expect(finished.exitCode == 64)
    #expect(finished.error.contains("See 'adbvec migrate up --help' for more information."))
  }
}

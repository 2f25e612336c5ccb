import Foundation
import TestSupport
import Testing

/// `adbvec models` with an empty cache, and without a network.
struct ModelsCommandTests {
  private struct Listed: Decodable {
    struct Entry: Decodable {
      let name: String
      let sha256: String
      let licence: String
      let inputSize: Int
      let mean: [Float]
      let pooledDimensions: Int
      let state: String
    }
    let schema: Int
    let result: [Entry]
  }

  private func run(_ arguments: String..., cache: String) async throws -> Finished {
    // What the machine itself has in its caches must not count.
    try await Program.run(Program.adbvec, ["models"] + arguments, environment: ["ADBVEC_CACHE": cache])
  }

  @Test func theTableIsPrinted() async throws {
    try await withTemporaryFolder { cache in
      let text = try await run("list", cache: cache)
      #expect(text.exitCode == 0 && text.output.contains("squeezenet1_1"))
      let json = try await run("list", "--format", "json", cache: cache)
      let entries = try JSONDecoder.ofReports.decode(Listed.self, from: Data(json.output.utf8)).result
      let squeezeNet = try #require(entries.first { $0.name == "squeezenet1_1" })
      #expect(squeezeNet.sha256 == "b8a52dc0" && squeezeNet.licence == "BSD-3-Clause")
      #expect(
        squeezeNet.inputSize == 224 && squeezeNet.pooledDimensions == 512 && squeezeNet.state == "missing"
      )
      #expect(squeezeNet.mean == [0.485, 0.456, 0.406])
    }
  }

  @Test func whatIsHereIsVerified() async throws {
    try await withTemporaryFolder { cache in
      let folder = cache + "/weights"
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
      try Data("cut".utf8).write(to: URL(fileURLWithPath: folder + "/squeezenet1_1-b8a52dc0.pth"))
      let wrong = try await run("verify", "squeezenet1_1", cache: cache)
      #expect(
        wrong.exitCode == 1 && wrong.output == "squeezenet1_1: wrong \(folder)/squeezenet1_1-b8a52dc0.pth\n"
      )
      #expect(wrong.error.contains("squeezenet1_1: not the published file"))
      let missing = try await run("verify", "resnet18", cache: cache)
      #expect(missing.exitCode == 1 && missing.output == "resnet18: missing\n")
    }
  }

  @Test(.enabled(if: Environment.hasData, "../shared/data is not there"))
  func theRealFileIsRight() async throws {
    try await withTemporaryFolder { cache in
      let name = "efficientnet-lite0-57934424.pth"
      try FileManager.default.createDirectory(atPath: cache + "/weights", withIntermediateDirectories: true)
      try FileManager.default.copyItem(
        atPath: Environment.data + "/weights/" + name,
        toPath: cache + "/weights/" + name
      )
      let right = try await run("verify", "efficientnet_lite0", cache: cache)
      #expect(right.exitCode == 0 && right.output.hasPrefix("efficientnet_lite0: verified "))
    }
  }

  @Test func refusals() async throws {
    try await withTemporaryFolder { cache in
      let unknown = try await run("fetch", "alexnet", cache: cache)
      #expect(unknown.exitCode == 64 && unknown.errorLines.count == 1 && unknown.error.contains("resnet18"))
      // Port 9 of loopback: nothing listens, so this is what a machine without a network sees.
      let lost = try await run("fetch", "resnet18", "--from", "http://127.0.0.1:9/models", cache: cache)
      #expect(lost.exitCode == 1 && lost.errorLines.count == 1 && lost.output.isEmpty)
      #expect(lost.error.contains("cannot be reached") && lost.error.contains("--weights"), "\(lost.error)")
      let odd = try await run("fetch", "resnet18", "--from", "ftp://x", cache: cache)
      #expect(odd.exitCode == 1 && odd.error.contains("is not an https address"))
    }
  }

  /// A network whose weights are nowhere says how to get them.
  @Test(.enabled(if: Environment.hasData, "../shared/data is not there"))
  func missingWeightsNameTheCommand() async throws {
    try await withTemporaryFolder { cache in
      let finished = try await Program.run(
        Program.adbvec,
        [
          "sql", "query", "--offline", "--image", Environment.data + "/reference/set1/chelsea.png", "--model",
          "resnet50",
        ],
        environment: ["ADBVEC_CACHE": cache]
      )
      #expect(
        finished.exitCode == 64 && finished.error.contains("adbvec models fetch resnet50"),
        "\(finished.error)"
      )
    }
  }
}

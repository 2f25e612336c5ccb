import Basics
import Checkpoints
import Foundation
import Synchronization
import Testing
import TestSupport

/// Fetching and checking checkpoints, from a server on this machine.
struct ModelStoreTests {
  private static let content = (0..<300_000).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) }

  /// A checkpoint whose published digest is the content's.
  private static func model(_ digits: Int = 64, of content: [UInt8] = content) -> KnownModel {
    let digest = SHA256.hexadecimal(of: content)
    return KnownModel(
      name: "test",
      architecture: "squeezenet1_1",
      source: .address("http://127.0.0.1:9/nowhere.pth"),
      file: "test.pth",
      sha256: String(digest.prefix(digits)),
      licence: "MIT"
    )
  }

  private func withStore(
    _ behaviour: FileServer.Behaviour = FileServer.Behaviour(),
    _ body: (FileServer, ModelStore, ModelFetcher, _ file: String) async throws -> Void
  ) async throws {
    let server = try FileServer(Self.content, behaviour)
    try await withTemporaryFolder { folder in
      let store = ModelStore(folders: ["/proc/nowhere", folder + "/weights"])
      let fetcher = ModelFetcher(store: store, mirror: server.address)
      try await body(server, store, fetcher, folder + "/weights/test.pth")
    }
    withExtendedLifetime(server) {}
  }

  @Test(arguments: [8, 64])
  func fetchesOnceAndChecks(digits: Int) async throws {
    try await withStore { server, store, fetcher, file in
      let model = Self.model(digits)
      #expect(try store.verify(model) == .missing)
      let outcome = try await fetcher.fetch(model)
      #expect(outcome == .init(path: file, received: Self.content.count, resumed: 0))
      #expect(try Data(contentsOf: URL(fileURLWithPath: file)) == Data(Self.content))
      #expect(try store.verify(model) == .verified)
      #expect(server.requests.withLock { $0[0] }.hasPrefix("GET /models/test.pth "))
      let again = try await fetcher.fetch(model)
      #expect(again.received == 0)
      #expect(server.requests.withLock { $0.count } == 1, "a whole file is not fetched again")
    }
  }

  @Test func goesOnWhereItBroke() async throws {
    try await withStore(.init(cutAfter: 100_000)) { server, store, fetcher, file in
      let error = await #expect(throws: ModelStoreError.self) { try await fetcher.fetch(Self.model()) }
      #expect(error?.code == .network)
      #expect(error?.description.contains("run the command again") == true, "\(String(describing: error))")
      #expect(!FileManager.default.fileExists(atPath: file))
      #expect(try store.verify(Self.model()) == .missing)
      server.behaviour.withLock { $0.cutAfter = nil }
      let outcome = try await fetcher.fetch(Self.model())
      #expect(outcome == .init(path: file, received: 200_000, resumed: 100_000))
      #expect(server.requests.withLock { $0[1] }.contains("bytes=100000-"))
      #expect(try store.verify(Self.model()) == .verified)
    }
  }

  @Test func startsOverWhereTheServerKnowsNoRanges() async throws {
    try await withStore(.init(cutAfter: 100_000, ignoresRanges: true)) { server, store, fetcher, file in
      _ = await #expect(throws: ModelStoreError.self) { try await fetcher.fetch(Self.model()) }
      server.behaviour.withLock { $0.cutAfter = nil }
      let outcome = try await fetcher.fetch(Self.model())
      #expect(outcome == .init(path: file, received: Self.content.count, resumed: 0))
    }
  }

  @Test func aWrongFileIsNotKept() async throws {
    try await withStore { _, store, fetcher, file in
      let error = await #expect(throws: ModelStoreError.self) {
        try await fetcher.fetch(Self.model(of: [1, 2, 3]))
      }
      #expect(error?.code == .digest)
      #expect(error?.description.contains("not the file that was published") == true)
      #expect(!FileManager.default.fileExists(atPath: file + ".part"))
      #expect(!FileManager.default.fileExists(atPath: file))
    }
  }

  /// A part that is longer than the file, as of another file, does not block later tries.
  @Test func aPartOfAnotherFileIsDropped() async throws {
    try await withStore { _, store, fetcher, file in
      let folder = (file as NSString).deletingLastPathComponent
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
      try Data(count: Self.content.count + 1).write(to: URL(fileURLWithPath: file + ".part"))
      #expect(try await fetcher.fetch(Self.model()).resumed == 0)
      #expect(try store.verify(Self.model()) == .verified)
    }
  }

  /// A try that was stopped between the last byte and the new name needs no network.
  @Test func aWholePartIsTaken() async throws {
    try await withStore { server, store, fetcher, file in
      let folder = (file as NSString).deletingLastPathComponent
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
      try Data(Self.content).write(to: URL(fileURLWithPath: file + ".part"))
      #expect(try await fetcher.fetch(Self.model()).received == 0)
      #expect(try store.verify(Self.model()) == .verified)
      #expect(server.requests.withLock { $0.isEmpty })
    }
  }

  @Test func saysWhatTheServerAnswers() async throws {
    try await withStore(.init(status: 404)) { _, _, fetcher, file in
      let error = await #expect(throws: ModelStoreError.self) { try await fetcher.fetch(Self.model()) }
      #expect(error?.description.hasSuffix("answers with HTTP status 404") == true)
      #expect(!FileManager.default.fileExists(atPath: file + ".part"))
    }
  }

  @Test func withoutANetworkItSaysWhatToDo() async throws {
    try await withTemporaryFolder { folder in
      let fetcher = ModelFetcher(store: ModelStore(folders: [folder]))
      let error = await #expect(throws: ModelStoreError.self) { try await fetcher.fetch(Self.model()) }
      #expect(error?.code == .network)
      #expect(error?.description.contains("--weights") == true, "\(String(describing: error))")
    }
  }

  @Test func anotherFileUnderTheNameIsWrong() async throws {
    try withTemporaryFolder { folder in
      try Data("other".utf8).write(to: URL(fileURLWithPath: folder + "/test.pth"))
      #expect(try ModelStore(folders: [folder]).verify(Self.model()) == .wrong)
    }
  }

  @Test func theTableIsConsistent() {
    #expect(Set(KnownModel.all.map(\.name)).count == KnownModel.all.count)
    for model in KnownModel.all {
      #expect([8, 64].contains(model.sha256.count) && model.sha256.allSatisfy(\.isHexDigit))
      #expect(
        model.file.hasSuffix("-\(model.sha256.prefix(8)).pth"),
        "torchvision's own check reads it there"
      )
      if case .address(let address) = model.source {
        #expect(address.hasPrefix("https://") && address.hasSuffix("/" + model.file))
      }
    }
    #expect(throws: ModelStoreError.self) { try KnownModel.named("alexnet") }
  }
}

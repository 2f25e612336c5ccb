import Checkpoints
import Testing

@Suite struct StateDictionaryTests {
  @Test(arguments: [["module."], ["_orig_mod."], ["_orig_mod.", "module."]])
  func `Prefixes that all names share are dropped`(prefixes: [String]) throws {
    let prefix = prefixes.joined()
    #expect(try names([prefix + "a", prefix + "b"]) == ["a", "b"])
    #expect(try names([prefix + "a", "b"]) == [prefix + "a", "b"])
    #expect(try names([prefix + "a", "n_averaged"]) == ["a"], "AveragedModel counts beside its weights")
  }

  @Test(arguments: ["state_dict", "model", "model_state_dict", "model_ema", "anything"])
  func `The state dictionary is found below the top`(key: String) throws {
    let file = PickleBuilder.legacyFile(values: [5]) {
      $0.raw("}")
      $0.text("epoch")
      $0.int(3)
      $0.raw("s")
      $0.text(key)
      $0.raw("}")
      $0.text("w")
      $0.tensor(count: 1, shape: [1], strides: [1])
      $0.raw("ss")
    }
    #expect(try Checkpoint(decoding: file).names == ["w"])
  }

  @Test func `Nested dictionaries are joined by dots`() throws {
    let file = PickleBuilder.legacyFile(values: [5, 6]) {
      $0.raw("}")
      for name in ["encoder", "head"] {
        $0.text(name)
        $0.raw("}")
        $0.text("w")
        $0.tensor(count: 2, offset: name == "head" ? 1 : 0, shape: [1], strides: [1])
        $0.raw("ss")
      }
    }
    let checkpoint = try Checkpoint(decoding: file)
    #expect(checkpoint.names == ["encoder.w", "head.w"])
    #expect(try checkpoint.tensor(named: "head.w").values == [6])
  }

  @Test func `An unknown name is an error that says it`() throws {
    let checkpoint = try Checkpoint(decoding: file(["a"]))
    let error = #expect(throws: CheckpointError.self) { try checkpoint.tensor(named: "b") }
    #expect(error?.description == "there is no tensor \"b\"")
  }

  @Test func `A file that is no checkpoint is refused`() throws {
    let error = #expect(throws: CheckpointError.self) { try Checkpoint(decoding: Array("hello, world".utf8)) }
    #expect(error?.code == .unknownFormat)
    let missing = #expect(throws: CheckpointError.self) { try Checkpoint(contentsOfFile: "/nowhere.pth") }
    #expect(missing?.description == "/nowhere.pth: cannot be read: No such file or directory")
  }

  private func names(_ names: [String]) throws -> [String] { try Checkpoint(decoding: file(names)).names }

  private func file(_ names: [String]) -> [UInt8] {
    PickleBuilder.legacyFile(values: [1]) {
      $0.raw("}")
      for name in names {
        $0.text(name)
        $0.tensor(count: 1, shape: [1], strides: [1])
        $0.raw("s")
      }
    }
  }
}

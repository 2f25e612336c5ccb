import Checkpoints
import Testing

@Suite struct StateDictionaryTests {
  @Test(arguments: [
    ["module."], ["_orig_mod."], ["model."], ["_orig_mod.", "module."], ["model.", "module."],
  ])
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

  /// PyTorch's ImageNet example, its general checkpoint, Lightning's, and others' habits.
  @Test(
    arguments: [
      ([
        "epoch": .number, "arch": .text, "state_dict": .weights("module."), "best_acc1": .tensor,
        "optimizer": .state,
      ]),
      (["epoch": .number, "model_state_dict": .weights(""), "optimizer_state_dict": .state, "loss": .tensor]),
      ([
        "state_dict": .weights("model."), "callbacks": .state, "optimizer_states": .state, "loops": .state,
        "hyper_parameters": .state,
      ]),
      (["my_weights": .weights(""), "rng_state": .tensor, "cuda_rng_state": .tensor, "optimizer": .state]),
      (["model": .weights("_orig_mod.module."), "ema": .state, "torch_rng_state": .tensor]),
    ] as [[String: Saved]]
  )
  func `The weights are found beside what else is saved`(saved: [String: Saved]) throws {
    for keys in [saved.keys.sorted(), saved.keys.sorted().reversed()] {
      let file = PickleBuilder.legacyFile(values: [5, 6, 7, 8, 9, 10]) { builder in
        builder.raw("}")
        for key in keys {
          builder.text(key)
          saved[key]?.write(to: &builder)
          builder.raw("s")
        }
      }
      let checkpoint = try Checkpoint(decoding: file)
      #expect(checkpoint.names == ["conv1.weight", "bn1.weight", "fc.weight", "fc.bias", "norm.0", "norm.1"])
      #expect(try checkpoint.tensor(named: "fc.weight").values == [7])
    }
  }

  @Test(arguments: [["model", "model_ema"], ["state_dict", "state_dict_ema"], ["student", "teacher"]])
  func `Of several sets of weights none is chosen`(keys: [String]) throws {
    let file = PickleBuilder.legacyFile(values: [5, 6, 7, 8, 9, 10]) { builder in
      builder.raw("}")
      for key in keys {
        builder.text(key)
        Saved.weights("module.").write(to: &builder)
        builder.raw("s")
      }
    }
    let error = #expect(throws: CheckpointError.self) { try Checkpoint(decoding: file) }
    #expect(error?.reason.contains("several sets of weights: \(keys[0]), \(keys[1])") == true)
    #expect(error?.reason.contains("Fix: ") == true)
  }

  /// A value of a training script's dictionary.
  enum Saved: Sendable {
    case number, text, tensor
    /// A dictionary of another thing that holds a tensor too.
    case state
    case weights(_ prefix: String)

    func write(to builder: inout PickleBuilder) {
      switch self {
      case .number: builder.int(90)
      case .text: builder.text("resnet18")
      case .tensor: builder.tensor(count: 6, shape: [2], strides: [1])
      case .state:
        builder.raw("}")
        builder.text("exp_avg")
        builder.tensor(count: 6, shape: [6], strides: [1])
        builder.raw("s")
      case .weights(let prefix):
        builder.raw("}")
        for (index, name) in ["conv1.weight", "bn1.weight", "fc.weight", "fc.bias", "norm.0", "norm.1"]
          .enumerated()
        {
          builder.text(prefix + name)
          builder.tensor(count: 6, offset: index, shape: [1], strides: [1])
          builder.raw("s")
        }
      }
    }
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

  @Test func `A file that is not a checkpoint is refused`() throws {
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

import Checkpoints
import Testing

@Suite struct HostilePickleTests {
  @Test(arguments: [
    ("os", "system"), ("builtins", "eval"), ("torch.nn.modules.linear", "Linear"), ("torch", "load"),
  ])
  func `A global outside the list is named and not run`(module: String, name: String) {
    let file = PickleBuilder.legacyFile {
      $0.global(module, name)
      $0.raw("(")
      $0.text("touch /tmp/owned")
      $0.raw("tR")
    }
    let error = #expect(throws: CheckpointError.self) { try Checkpoint(decoding: file) }
    #expect(error?.code == .forbiddenGlobal)
    #expect(
      error?.reason
        == "the pickle refers to \(module).\(name), which is not allowed; nothing of it was run. "
        + "Save the state_dict alone, or as .safetensors"
    )
  }

  @Test func `A global made on the stack is checked as well`() {
    let file = PickleBuilder.legacyFile {
      $0.text("posix")
      $0.text("system")
      $0.raw([0x93])
    }
    #expect(code(of: file) == .forbiddenGlobal)
  }

  @Test(arguments: [
    ("pop of nothing", "0"), ("tuple without mark", "t"), ("append to a tuple", ")Na"),
    ("items of a list", "]NNs"), ("odd number of items", "}(Nu"), ("a call of None", "N)R"),
    ("memo never stored", "h\u{7}"), ("memo that is not a number", "gx\n"),
    ("instance opcode", "(ios\nsystem\n"),
    ("persistent id of None", "NQ"), ("state of a string", "U\u{1}xNb"),
    ("text beyond the end", "T\u{7F}\u{7F}\u{7F}\u{7F}"),
    ("negative length", "T\u{1}\u{1}\u{1}\u{7F}"), ("pop through a mark", "N(0"),
  ])
  func `Malformed pickles are errors`(what: String, opcodes: String) {
    let file = PickleBuilder.legacyFile { $0.raw(opcodes) }
    #expect(code(of: file) != nil, "\(what)")
  }

  /// Python writes them for bytes and byte arrays of 4 GiB and more; PyTorch has no use for them.
  @Test(arguments: [0x8E, 0x96] as [UInt8])
  func `Bytes whose length takes eight bytes are passed over`(opcode: UInt8) throws {
    func file(count: UInt64) -> [UInt8] {
      PickleBuilder.legacyFile(values: [7]) { builder in
        builder.raw("}")
        builder.text("note")
        builder.raw([opcode])
        withUnsafeBytes(of: count.littleEndian) { builder.raw(Array($0)) }
        builder.raw("Ntss")
        builder.text("t")
        builder.tensor(count: 1, shape: [1], strides: [1])
        builder.raw("s")
      }
    }
    let checkpoint = try Checkpoint(decoding: file(count: 3))
    #expect(checkpoint.names == ["t"])
    #expect(try checkpoint.tensor(named: "t").values == [7])
    for count in [1 << 40, UInt64.max] { #expect(code(of: file(count: count)) != nil, "\(count)") }
  }

  @Test func `Half a million nested lists neither crash nor load`() {
    let file = PickleBuilder.legacyFile { builder in
      let depth = 500_000
      builder.raw([UInt8](repeating: UInt8(ascii: "]"), count: depth))
      builder.raw([UInt8](repeating: UInt8(ascii: "a"), count: depth - 1))
    }
    #expect(code(of: file) == .unsupported)
  }

  @Test func `More values than the limit are refused`() {
    let file = PickleBuilder.legacyFile { $0.raw([UInt8](repeating: UInt8(ascii: "N"), count: 2_000_001)) }
    #expect(code(of: file) == .tooLarge)
  }

  @Test func `Dictionaries that share each other do not multiply without end`() {
    let file = PickleBuilder.legacyFile(values: [1]) { builder in
      builder.raw("}q\u{0}")
      builder.text("t")
      builder.tensor(count: 1, shape: [], strides: [])
      builder.raw("s")
      for level in UInt8(0)..<31 {
        builder.raw("}(")
        for name in ["a", "b"] {
          builder.text(name)
          builder.raw([UInt8(ascii: "h"), level])
        }
        builder.raw([UInt8(ascii: "u"), UInt8(ascii: "q"), level + 1])
      }
    }
    #expect(code(of: file) == .tooLarge)
  }

  @Test func `A dictionary that holds itself does not hang`() {
    let file = PickleBuilder.legacyFile {
      $0.raw("}q\u{0}")
      $0.text("self")
      $0.raw("h\u{0}s")
    }
    #expect(code(of: file) != nil)
  }

  @Test(arguments: [
    (0, [3], [1]), (1, [2], [1]), (0, [2, 2], [1, 1]), (-1, [1], [1]), (0, [2], [-1]), (0, [1 << 40], [0]),
    (0, [1 << 62, 4], [1, 1]), (0, [2], [Int.max]), (Int.max, [1], [1]), (0, [-1], [1]), (0, [1, 1], [1]),
  ])
  func `A view that leaves its storage is refused`(offset: Int, shape: [Int], strides: [Int]) {
    let file = PickleBuilder.legacyFile(values: [1, 2]) {
      $0.raw("}")
      $0.text("w")
      $0.tensor(count: 2, offset: offset, shape: shape, strides: strides)
      $0.raw("s")
    }
    #expect(code(of: file) != nil)
  }

  @Test func `A storage that the file does not hold is refused`() {
    let absent = PickleBuilder.legacyFile(values: [1]) {
      $0.raw("}")
      $0.text("w")
      $0.tensor(key: "other", count: 1, shape: [1], strides: [1])
      $0.raw("s")
    }
    #expect(code(of: absent) == .damaged)
    let short = PickleBuilder.legacyFile(values: [1]) {
      $0.raw("}")
      $0.text("w")
      $0.tensor(count: 1 << 60, shape: [1], strides: [1])
      $0.raw("s")
    }
    #expect(code(of: short) == .truncated)
  }

  private func code(of file: [UInt8]) -> CheckpointError.Code? {
    do {
      _ = try Checkpoint(decoding: file)
      return nil
    } catch {
      return (error as? CheckpointError)?.code
    }
  }
}

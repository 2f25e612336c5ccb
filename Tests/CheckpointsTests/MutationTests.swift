import Checkpoints
import Testing
import TestSupport

/// Random damage to checkpoints: the readers return or throw. `scripts/fuzz` does the same at length.
@Suite struct MutationTests {
  @Test func `Damaged checkpoints do no harm`() throws {
    let pickle = PickleBuilder.legacyFile(values: [1, 2]) {
      $0.raw("}")
      $0.text("w")
      $0.tensor(count: 2, shape: [2], strides: [1])
      $0.raw("s")
    }
    let tensor = try Tensor(shape: [2, 2], values: [1, 2, 3, 4])
    for file in [pickle, try Safetensors.encode(["a": tensor])] {
      var mutator = Mutator(seed: 2, file)
      for _ in 0..<1500 {
        let damaged = mutator.next()
        if let checkpoint = try? Checkpoint(decoding: damaged) {
          for entry in checkpoint.entries {
            #expect(try checkpoint.tensor(named: entry.name).shape == entry.shape)
          }
        }
      }
    }
  }
}

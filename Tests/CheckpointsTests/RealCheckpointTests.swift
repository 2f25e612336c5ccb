import Checkpoints
import Foundation
import Testing
import TestSupport

/// The two real checkpoints and the odd ones beside the repository.
@Suite(.enabled(if: Environment.hasData, "needs ../shared/data beside the package"))
struct RealCheckpointTests {
  @Test func `SqueezeNet is the same from safetensors and from PyTorch's ZIP`() throws {
    let safetensors = try Checkpoint(
      contentsOfFile: Environment.data + "/" + "weights/squeezenet1_1-onnxzoo.safetensors"
    )
    let zip = try Checkpoint(contentsOfFile: Environment.data + "/" + "weights/squeezenet1_1-onnxzoo.pth")
    #expect(safetensors.names.count == 52)
    #expect(Set(safetensors.names) == Set(zip.names))
    #expect(try zip.shape(of: "features.0.weight") == [64, 3, 3, 3])
    for name in zip.names {
      #expect(try zip.tensor(named: name) == safetensors.tensor(named: name), "\(name)")
    }
  }

  @Test func `EfficientNet-Lite0 opens from PyTorch's legacy format`() throws {
    let checkpoint = try Checkpoint(
      contentsOfFile: Environment.data + "/" + "weights/efficientnet-lite0-57934424.pth"
    )
    #expect(checkpoint.names.count == 296)
    #expect(checkpoint.entries.filter { $0.type == .int64 }.count == 49)
    let elements = checkpoint.entries.map { $0.shape.reduce(1, *) }.reduce(0, +)
    #expect(elements == 4_694_073)
    #expect(try checkpoint.shape(of: "_blocks.3._depthwise_conv.weight") == [144, 1, 5, 5])
    #expect(try checkpoint.tensor(named: "_bn0.num_batches_tracked").shape == [])
  }

  @Test(arguments: ["weights/odd-zip.pth", "weights/odd-legacy.pth"])
  func `Odd tensors have the values that PyTorch gives`(file: String) throws {
    struct Expected: Decodable {
      let shape: [Int]
      let dtype: String
      let values: [Double]
    }
    let json = try Data(contentsOf: URL(filePath: Environment.data + "/weights/odd-expected.json"))
    let expected = try JSONDecoder().decode([String: Expected].self, from: json)
    let checkpoint = try Checkpoint(contentsOfFile: Environment.data + "/" + file)
    #expect(Set(checkpoint.names) == Set(expected.keys))
    for (name, tensor) in expected {
      let read = try checkpoint.tensor(named: name)
      #expect(read.shape == tensor.shape, "\(name)")
      #expect(read.values == tensor.values.map { Float($0) }, "\(name)")
    }
  }
}

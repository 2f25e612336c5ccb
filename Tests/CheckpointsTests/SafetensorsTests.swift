import Checkpoints
import Foundation
import Testing

@Suite struct SafetensorsTests {
  @Test func `A file written here is read back, metadata too`() throws {
    let tensors = [
      "weight": try Tensor(shape: [2, 3], values: [1, -2, 3.5, .infinity, 0, 6]),
      "bias \"quoted\"\n": try Tensor(shape: [], values: [7]),
      "empty": try Tensor(shape: [0, 4], values: []),
    ]
    let file = try Safetensors.encode(tensors, metadata: ["source": "a \\ test\t😀"])
    let checkpoint = try Checkpoint(decoding: file)
    #expect(Set(checkpoint.names) == Set(tensors.keys))
    #expect(checkpoint.metadata == ["source": "a \\ test\t😀"])
    for (name, tensor) in tensors { #expect(try checkpoint.tensor(named: name) == tensor) }
  }

  @Test func `The header is padded and sorted, so equal tensors give equal files`() throws {
    let file = try Safetensors.encode([
      "b": Tensor(shape: [1], values: [1]), "a": Tensor(shape: [1], values: [2]),
    ])
    let header =
      #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"#
      + #""data_offsets":[4,8]}}"#
    #expect(Array(file.prefix(8)) == [112, 0, 0, 0, 0, 0, 0, 0])
    #expect(String(decoding: file[8..<120], as: UTF8.self).trimmingCharacters(in: .whitespaces) == header)
    #expect(Array(file.suffix(8)) == [0, 0, 0, 64, 0, 0, 128, 63])
  }

  @Test(arguments: [
    (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}"#, 4, "size of a does not fit its shape"),
    (
      #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#, 3,
      "promises 4 bytes of tensors, the file has 3"
    ),
    (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#, 9, "5 bytes behind its last tensor"),
    (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#, 8, "overlap or leave a hole"),
    (#"{"a":{"dtype":"F8_E4M3","shape":[4],"data_offsets":[0,4]}}"#, 4, "number type F8_E4M3"),
    (#"{"a":{"dtype":"F32","shape":[9223372036854775807,2],"data_offsets":[0,4]}}"#, 4, "does not fit"),
    (#"{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}"#, 4, "not the JSON"),
    (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}"#, 4, "not the JSON"),
    (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":1}"#, 4, "names a twice"),
    (#"{"a":{"dtype":"F32""#, 0, "not the JSON"),
    ("{} x", 0, "not the JSON"),
  ])
  func `A header that contradicts the file is refused`(header: String, bytes: Int, reason: String) throws {
    let error = #expect(throws: CheckpointError.self) {
      try Checkpoint(decoding: Self.file(header: header, data: [UInt8](repeating: 0, count: bytes)))
    }
    #expect(error?.reason.contains(reason) == true, "\(String(describing: error))")
  }

  @Test func `A header longer than the file or the format's limit is refused`() throws {
    let cut = [UInt8]([200, 0, 0, 0, 0, 0, 0, 0]) + Array("{}".utf8)
    #expect(throws: CheckpointError.self) { try Checkpoint(decoding: cut) }
    let huge = [UInt8]([0, 0, 0, 0, 0, 0, 0, 0x7F]) + Array("{}".utf8)
    #expect(throws: CheckpointError.self) { try Checkpoint(decoding: huge) }
  }

  @Test func `Every number type becomes floats`() throws {
    let header =
      #"{"bf":{"dtype":"BF16","shape":[1],"data_offsets":[0,2]},"h":{"dtype":"F16","shape":[1],"#
      + #""data_offsets":[2,4]},"i":{"dtype":"I32","shape":[1],"data_offsets":[4,8]},"#
      + #""d":{"dtype":"F64","shape":[1],"data_offsets":[8,16]},"b":{"dtype":"BOOL","shape":[1],"#
      + #""data_offsets":[16,17]},"u":{"dtype":"U16","shape":[1],"data_offsets":[17,19]}}"#
    let data: [UInt8] = [
      0xC0, 0xBF, 0x00, 0x3C, 0xFE, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0, 0, 0, 0xE0, 0x3F, 1, 0xFF, 0xFF,
    ]
    let checkpoint = try Checkpoint(decoding: Self.file(header: header, data: data))
    let values = try ["bf", "h", "i", "d", "b", "u"].map { try checkpoint.tensor(named: $0).values }
    #expect(values == [[-1.5], [1], [-2], [0.5], [1], [65535]])
  }

  static func file(header: String, data: [UInt8]) -> [UInt8] {
    let length = withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { Array($0) }
    return length + Array(header.utf8) + data
  }
}

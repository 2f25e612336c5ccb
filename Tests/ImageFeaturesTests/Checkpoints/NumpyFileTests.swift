import Foundation
import ImageFeatures
import Testing

@Suite struct NumpyFileTests {
  /// What `numpy.save` of NumPy 2.4 writes.
  static func file(_ literal: String, _ data: [UInt8]) -> [UInt8] {
    let text = literal.padding(toLength: 117, withPad: " ", startingAt: 0) + "\n"
    return [0x93] + Array("NUMPY".utf8) + [1, 0, 118, 0] + Array(text.utf8) + data
  }

  @Test func `C and Fortran order give the same tensor`() throws {
    let c = Self.file("{'descr': '|u1', 'fortran_order': False, 'shape': (2, 3), }", [1, 2, 3, 4, 5, 6])
    let fortran = Self.file("{'descr': '|u1', 'fortran_order': True, 'shape': (2, 3), }", [1, 4, 2, 5, 3, 6])
    let expected = try Tensor(shape: [2, 3], values: [1, 2, 3, 4, 5, 6])
    #expect(try NumpyFile(decoding: c).tensor() == expected)
    #expect(try NumpyFile(decoding: fortran).tensor() == expected)
    #expect(try NumpyFile(decoding: fortran).rows(1..<2) == Tensor(shape: [1, 3], values: [4, 5, 6]))
    #expect(try NumpyFile(decoding: fortran).rows(2..<2).shape == [0, 3])
  }

  @Test(
    arguments: [
      ("<f4", [0, 0, 0x20, 0xC0], -2.5), ("<f8", [0, 0, 0, 0, 0, 0, 4, 0xC0], -2.5),
      ("<i4", [0xFE, 0xFF, 0xFF, 0xFF], -2), ("<i8", [7, 0, 0, 0, 0, 0, 0, 0], 7), ("|u1", [200], 200),
      ("<f2", [0, 0xC1], -2.5), ("|b1", [1], 1),
    ] as [(String, [UInt8], Float)]
  )
  func `Number types become floats`(descr: String, bytes: [UInt8], value: Float) throws {
    let file = Self.file("{'descr': '\(descr)', 'fortran_order': False, 'shape': (), }", bytes)
    #expect(try NumpyFile(decoding: file).tensor() == Tensor(shape: [], values: [value]))
  }

  @Test func `Arrays written here are read back, large integers exactly`() throws {
    let tensor = try Tensor(shape: [3, 2], values: [1, 2, 3, 4, 5, 6.5])
    #expect(try NumpyFile(decoding: NumpyFile.encode(tensor)).tensor() == tensor)
    let ids = [0, -1, 1 << 40, .max]
    #expect(try NumpyFile(decoding: NumpyFile.encode(integers: ids)).integers() == ids)
  }

  @Test func `The header is NumPy's own`() throws {
    let file = try NumpyFile.encode(Tensor(shape: [3], values: [0, 0, 0]))
    #expect(file.count == 128 + 12)
    #expect(
      String(decoding: file[10..<128], as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
        == "{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }"
    )
  }

  @Test func `Rows are appended without knowing how many will come`() throws {
    let path = FileManager.default.temporaryDirectory.appending(path: "rows-\(UUID()).npy").path
    defer { try? FileManager.default.removeItem(atPath: path) }
    let writer = try NumpyWriter(toFile: path, columns: 2)
    try writer.append([1, 2])
    try writer.append([3, 4, 5, 6])
    #expect(throws: CheckpointError.self) { try writer.append([7]) }
    #expect(!FileManager.default.fileExists(atPath: path))
    try writer.finish()
    #expect(
      try NumpyFile(contentsOfFile: path).tensor() == Tensor(shape: [3, 2], values: [1, 2, 3, 4, 5, 6])
    )
  }

  @Test(arguments: [
    ("{'descr': '>f4', 'fortran_order': False, 'shape': (1,), }", ">f4"),
    ("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }", "|O"),
    ("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }", "needs more than the 4 bytes"),
    ("{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296), }", "needs more"),
    ("{'descr': '<f4', 'fortran_order': False, 'shape': (-1,), }", "not the literal"),
    ("{'descr': '<f4', 'shape': (1,), }", "not the literal"),
    ("[1]", "not the literal"),
  ])
  func `A header that cannot be right is refused`(literal: String, reason: String) {
    let error = #expect(throws: CheckpointError.self) {
      try NumpyFile(decoding: Self.file(literal, [0, 0, 0, 0]))
    }
    #expect(error?.reason.contains(reason) == true, "\(String(describing: error))")
  }
}

/// Recomputes the checksums of a PNG file's chunks, so that a changed file is judged by its content.
enum PNGChecksums {
  static func repair(_ file: UnsafeMutableRawBufferPointer) {
    guard file.starts(with: [0x89, 0x50, 0x4E, 0x47]) else { return }
    var position = 8
    while position + 12 <= file.count {
      let length = Int(UInt32(bigEndian: file.loadUnaligned(fromByteOffset: position, as: UInt32.self)))
      guard position + 12 + length <= file.count else { return }
      let checksum = crc32(UnsafeRawBufferPointer(rebasing: file[position + 4..<position + 8 + length]))
      file.storeBytes(of: checksum.bigEndian, toByteOffset: position + 8 + length, as: UInt32.self)
      position += 12 + length
    }
  }

  private static let table: [UInt32] = (0..<256).map { index in
    (0..<8).reduce(UInt32(index)) { value, _ in value & 1 == 0 ? value >> 1 : value >> 1 ^ 0xEDB8_8320 }
  }

  private static func crc32(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
    ~bytes.reduce(UInt32.max) { table[Int(($0 ^ UInt32($1)) & 0xFF)] ^ $0 >> 8 }
  }
}

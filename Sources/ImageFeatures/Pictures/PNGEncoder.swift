import CZlib

/// Writes 8-bit RGB as PNG: the row filter with the least sum of absolute differences, then deflate.
enum PNGEncoder {
  static func encode(_ picture: Picture) throws -> [UInt8] {
    var header: [UInt8] = []
    append(UInt32(picture.width), to: &header)
    append(UInt32(picture.height), to: &header)
    header += [8, 2, 0, 0, 0]
    var file: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]
    appendChunk("IHDR", header, to: &file)
    appendChunk("IDAT", try deflated(filtered(picture)), to: &file)
    appendChunk("IEND", [], to: &file)
    return file
  }

  private static func filtered(_ picture: Picture) -> [UInt8] {
    let rowBytes = picture.width * 3
    var output: [UInt8] = []
    output.reserveCapacity((rowBytes + 1) * picture.height)
    var above = [UInt8](repeating: 0, count: rowBytes)
    for y in 0..<picture.height {
      let row = Array(picture.rgb[y * rowBytes..<(y + 1) * rowBytes])
      let best = (UInt8(0)...4).map { candidate(filter: $0, row, above) }.min { $0.cost < $1.cost }
      output += best?.bytes ?? []
      above = row
    }
    return output
  }

  private static func candidate(filter: UInt8, _ row: [UInt8], _ above: [UInt8]) -> (
    bytes: [UInt8], cost: Int
  ) {
    var cost = 0
    let bytes = [UInt8](unsafeUninitializedCapacity: row.count + 1) { bytes, count in
      bytes[0] = filter
      for index in row.indices {
        let left = index >= 3 ? row[index - 3] : 0
        let corner = index >= 3 ? above[index - 3] : 0
        let difference = row[index] &- prediction(filter, left, above[index], corner)
        bytes[index + 1] = difference
        cost += abs(Int(Int8(bitPattern: difference)))
      }
      count = row.count + 1
    }
    return (bytes, cost)
  }

  private static func prediction(_ filter: UInt8, _ left: UInt8, _ above: UInt8, _ corner: UInt8) -> UInt8 {
    switch filter {
    case 0: 0
    case 1: left
    case 2: above
    case 3: UInt8((UInt16(left) + UInt16(above)) / 2)
    default: PNGFilter.paeth(left, above, corner)
    }
  }

  private static func deflated(_ bytes: [UInt8]) throws -> [UInt8] {
    var size = compressBound(UInt(bytes.count))
    var status: Int32 = 0
    let compressed = [UInt8](unsafeUninitializedCapacity: Int(size)) { buffer, count in
      status = compress2(buffer.baseAddress, &size, bytes, UInt(bytes.count), 6)
      count = status == Z_OK ? Int(size) : 0
    }
    guard status == Z_OK else {
      throw PictureError(.encoding, "zlib cannot compress the picture (status \(status))")
    }
    return compressed
  }

  private static func appendChunk(_ name: String, _ body: [UInt8], to file: inout [UInt8]) {
    append(UInt32(body.count), to: &file)
    let checked = Array(name.utf8) + body
    file += checked
    append(UInt32(truncatingIfNeeded: crc32_z(0, checked, checked.count)), to: &file)
  }

  private static func append(_ value: UInt32, to bytes: inout [UInt8]) {
    withUnsafeBytes(of: value.bigEndian) { bytes += $0 }
  }
}

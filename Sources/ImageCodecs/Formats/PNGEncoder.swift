import CZlib

/// Writes 8-bit RGB as PNG: a filter chosen for each row, then deflate.
enum PNGEncoder {
  static func encode(_ image: Image) throws -> [UInt8] {
    var header: [UInt8] = []
    append(UInt32(image.width), to: &header)
    append(UInt32(image.height), to: &header)
    header += [8, 2, 0, 0, 0]
    var file: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]
    appendChunk("IHDR", header, to: &file)
    appendChunk("IDAT", try deflated(filtered(image)), to: &file)
    appendChunk("IEND", [], to: &file)
    return file
  }

  /// Each row's filter byte and filtered bytes.
  private static func filtered(_ image: Image) -> [UInt8] {
    let rowBytes = image.width * 3
    let zeros = [UInt8](repeating: 0, count: rowBytes)
    return [UInt8](unsafeUninitializedCapacity: (rowBytes + 1) * image.height) { output, count in
      image.rgb.withUnsafeBufferPointer { rgb in
        zeros.withUnsafeBufferPointer { zeros in
          for y in 0..<image.height {
            let row = UnsafeBufferPointer(rebasing: rgb[y * rowBytes..<(y + 1) * rowBytes])
            let above = y == 0 ? zeros : UnsafeBufferPointer(rebasing: rgb[(y - 1) * rowBytes..<y * rowBytes])
            let start = y * (rowBytes + 1)
            output[start] = best(row, above)
            let target = UnsafeMutableBufferPointer(rebasing: output[start + 1..<start + 1 + rowBytes])
            apply(output[start], row, above, into: target)
          }
        }
      }
      count = output.count
    }
  }

  /// The filter with the least sum of absolute differences, judged by every seventh byte.
  private static func best(_ row: UnsafeBufferPointer<UInt8>, _ above: UnsafeBufferPointer<UInt8>) -> UInt8 {
    var costs = [0, 0, 0, 0, 0]
    for i in stride(from: 3, to: row.count, by: 7) {
      let value = row[i]
      let left = row[i - 3]
      let up = above[i]
      costs[0] += distance(value, 0)
      costs[1] += distance(value, left)
      costs[2] += distance(value, up)
      costs[3] += distance(value, UInt8((UInt16(left) + UInt16(up)) / 2))
      costs[4] += distance(value, paeth(left, up, above[i - 3]))
    }
    return UInt8(costs.indices.min { costs[$0] < costs[$1] } ?? 0)
  }

  private static func distance(_ value: UInt8, _ prediction: UInt8) -> Int {
    Int(Int8(bitPattern: value &- prediction).magnitude)
  }

  private static func apply(
    _ filter: UInt8,
    _ row: UnsafeBufferPointer<UInt8>,
    _ above: UnsafeBufferPointer<UInt8>,
    into target: UnsafeMutableBufferPointer<UInt8>
  ) {
    let count = row.count
    switch filter {
    case 0:
      for i in 0..<count { target[i] = row[i] }
    case 1:
      for i in 0..<3 { target[i] = row[i] }
      for i in 3..<count { target[i] = row[i] &- row[i - 3] }
    case 2:
      for i in 0..<count { target[i] = row[i] &- above[i] }
    case 3:
      for i in 0..<3 { target[i] = row[i] &- above[i] / 2 }
      for i in 3..<count { target[i] = row[i] &- UInt8((UInt16(row[i - 3]) + UInt16(above[i])) / 2) }
    default:
      for i in 0..<3 { target[i] = row[i] &- above[i] }
      for i in 3..<count { target[i] = row[i] &- paeth(row[i - 3], above[i], above[i - 3]) }
    }
  }

  /// The predictor of PNG's fourth filter (PNG specification, section 9.4).
  private static func paeth(_ left: UInt8, _ above: UInt8, _ corner: UInt8) -> UInt8 {
    let (a, b, c) = (Int32(left), Int32(above), Int32(corner))
    let (toLeft, toAbove, toCorner) = (abs(b - c), abs(a - c), abs(a + b - 2 * c))
    if toLeft <= toAbove, toLeft <= toCorner { return left }
    return toAbove <= toCorner ? above : corner
  }

  private static func deflated(_ bytes: [UInt8]) throws -> [UInt8] {
    var size = compressBound(UInt(bytes.count))
    var status: Int32 = 0
    let compressed = [UInt8](unsafeUninitializedCapacity: Int(size)) { buffer, count in
      status = compress2(buffer.baseAddress, &size, bytes, UInt(bytes.count), 4)
      count = status == Z_OK ? Int(size) : 0
    }
    guard status == Z_OK else {
      throw ImageError(.encoding, "zlib cannot compress the image (status \(status))")
    }
    return compressed
  }

  private static func appendChunk(_ name: String, _ body: [UInt8], to file: inout [UInt8]) {
    append(UInt32(body.count), to: &file)
    let checked = Array(name.utf8) + body
    file += checked
    append(UInt32(truncatingIfNeeded: crc32_z(0, checked, UInt(checked.count))), to: &file)
  }

  private static func append(_ value: UInt32, to bytes: inout [UInt8]) {
    withUnsafeBytes(of: value.bigEndian) { bytes += $0 }
  }
}

/// Turns the bytes of numbers into floats.
struct NumberDecoder: Sendable {
  let element: NumPyHeader.Element
  let isBigEndian: Bool

  func append(_ bytes: UnsafeRawBufferPointer, to values: inout [Float]) {
    let count = bytes.count / element.size
    let start = values.count
    values.append(contentsOf: repeatElement(0, count: count))
    values.withUnsafeMutableBufferPointer { buffer in
      let room = UnsafeMutableBufferPointer(rebasing: buffer[start...])
      switch element {
      case .uint1: for index in 0..<count { room[index] = Float(bytes[index]) }
      case .float2: for index in 0..<count { room[index] = Float(Float16(bitPattern: word(bytes, index))) }
      case .float4: for index in 0..<count { room[index] = Float(bitPattern: word(bytes, index)) }
      case .float8: for index in 0..<count { room[index] = Float(Double(bitPattern: word(bytes, index))) }
      }
    }
  }

  @inline(__always)
  private func word<Word: FixedWidthInteger>(_ bytes: UnsafeRawBufferPointer, _ index: Int) -> Word {
    let word = bytes.loadUnaligned(fromByteOffset: index &* MemoryLayout<Word>.size, as: Word.self)
    return isBigEndian ? Word(bigEndian: word) : Word(littleEndian: word)
  }
}

/// GIF's variable-length LZW code (GIF89a specification, appendix F).
struct GIFCode {
  private let clear: Int
  private var prefix = [UInt16](repeating: 0, count: 4096)
  private var suffix = [UInt8](repeating: 0, count: 4096)
  private var next: Int
  private var codeBits: Int
  private let minimumBits: Int
  private var previous: Int?
  private var output: [UInt8]
  private var written = 0

  /// Decodes the blocks at the cursor into `count` indices; those behind an early end code keep `filling`.
  static func decode(_ cursor: inout ByteCursor, count: Int, filling: UInt8) throws -> [UInt8] {
    let bits = Int(try cursor.byte())
    guard (1...8).contains(bits) else { throw damaged }
    var decoder = GIFCode(bits: bits, count: count, filling: filling)
    var accumulator: UInt32 = 0
    var available = 0
    while decoder.written < count {
      let block = try cursor.take(Int(try cursor.byte()))
      guard !block.isEmpty else {
        throw ImageError(.truncated, "the GIF file ends before the image does; copy or download it again")
      }
      for byte in block {
        accumulator |= UInt32(byte) << UInt32(available)
        available += 8
        while available >= decoder.codeBits, decoder.written < count {
          let code = Int(accumulator & (1 << UInt32(decoder.codeBits) - 1))
          accumulator >>= UInt32(decoder.codeBits)
          available -= decoder.codeBits
          guard try decoder.accept(code) else { return decoder.output }
        }
      }
    }
    return decoder.output
  }

  private init(bits: Int, count: Int, filling: UInt8) {
    minimumBits = bits
    clear = 1 << bits
    next = clear + 2
    codeBits = bits + 1
    output = [UInt8](repeating: filling, count: count)
    for code in 0..<clear { suffix[code] = UInt8(code) }
  }

  /// Takes one code; false at the end code.
  private mutating func accept(_ code: Int) throws -> Bool {
    if code == clear {
      next = clear + 2
      codeBits = minimumBits + 1
      previous = nil
      return true
    }
    if code == clear + 1 { return false }
    guard let previous else {
      guard code < clear else { throw Self.damaged }
      write(chain: code, last: nil)
      previous = code
      return true
    }
    guard code <= next, code < 4096 else { throw Self.damaged }
    let first = firstByte(of: code < next ? code : previous)
    write(chain: code < next ? code : previous, last: code < next ? nil : first)
    if next < 4096 {
      prefix[next] = UInt16(previous)
      suffix[next] = first
      next += 1
      if next == 1 << codeBits, codeBits < 12 { codeBits += 1 }
    }
    self.previous = code
    return true
  }

  private func firstByte(of code: Int) -> UInt8 {
    var code = code
    while code >= clear { code = Int(prefix[code]) }
    return suffix[code]
  }

  /// Writes the string of a code, and one more byte behind it when given.
  private mutating func write(chain code: Int, last: UInt8?) {
    var length = last == nil ? 1 : 2
    var walk = code
    while walk >= clear {
      walk = Int(prefix[walk])
      length += 1
    }
    var position = written + length
    written = min(position, output.count)
    if let last {
      position -= 1
      if position < output.count { output[position] = last }
    }
    walk = code
    while true {
      position -= 1
      if position < output.count { output[position] = suffix[walk] }
      guard walk >= clear else { break }
      walk = Int(prefix[walk])
    }
  }

  private static var damaged: ImageError {
    ImageError(.damaged, "the GIF file is damaged; copy or download it again")
  }
}

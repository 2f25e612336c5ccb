/// The run-length codes of 4- and 8-bit bitmaps: runs, literal stretches, line ends and jumps.
enum BMPRuns {
  static func decode(_ cursor: inout ByteCursor, _ header: BMPHeader) throws -> [UInt8] {
    let width = header.width
    let total = width * header.height
    let packs4 = header.compression == .runs4
    var stored = [UInt8](repeating: 0, count: total)
    var position = 0
    func put(_ index: UInt8, limit: Int) {
      guard position < limit else { return }
      stored[position] = index
      position += 1
    }
    loop: while position < total {
      let count = Int(try cursor.byte())
      let value = try cursor.byte()
      guard count == 0 else {
        let lineEnd = (position / width + 1) * width
        for index in 0..<count {
          put(
            packs4 ? (index.isMultiple(of: 2) ? value >> 4 : value & 15) : value,
            limit: min(lineEnd, total)
          )
        }
        continue
      }
      switch value {
      case 0: position = min(total, (position + width - 1) / width * width)
      case 1: break loop
      case 2:
        let right = Int(try cursor.byte())
        position = min(total, position + right + Int(try cursor.byte()) * width)
      default:
        let literal = try cursor.take(packs4 ? (Int(value) + 1) / 2 : Int(value))
        for index in 0..<Int(value) {
          put(
            packs4 ? (literal[index / 2] >> (index.isMultiple(of: 2) ? 4 : 0)) & 15 : literal[index],
            limit: total
          )
        }
        if !literal.count.isMultiple(of: 2) { try cursor.skip(1) }
      }
    }
    guard !header.isTopDown else { return stored }
    return (0..<header.height).reversed().flatMap { stored[$0 * width..<($0 + 1) * width] }
  }
}

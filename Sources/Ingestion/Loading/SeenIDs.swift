/// A set of ids: a bit an id in blocks of 4,096, so that the consecutive ids of most sources cost next to nothing.
struct SeenIDs {
  private var blocks: [Int64: [UInt64]] = [:]

  /// Adds an id.
  /// - Returns: false when it was there.
  mutating func insert(_ id: Int64) -> Bool {
    let word = Int(id & 4095) >> 6
    let bit = UInt64(1) << UInt64(id & 63)
    var isNew = false
    withUnsafeMutablePointer(to: &blocks[id >> 12, default: [UInt64](repeating: 0, count: 64)]) { block in
      isNew = block.pointee[word] & bit == 0
      block.pointee[word] |= bit
    }
    return isNew
  }
}

/// The word that every distribution clause begins with.
enum ClauseWord {
  private static let letters = Array("distributed".utf8)

  /// Whether the word stands anywhere in a text, whatever its case; a text without it needs no lexing.
  static func occurs(in bytes: some Collection<UInt8>) -> Bool {
    bytes.withContiguousStorageIfAvailable(search) ?? Array(bytes).withUnsafeBufferPointer(search)
  }

  private static func search(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
    guard bytes.count >= letters.count else { return false }
    return letters.withUnsafeBufferPointer { letters in
      var start = 0
      let last = bytes.count - letters.count
      while start <= last {
        var matched = 0
        while matched < letters.count, bytes[start + matched] | 0x20 == letters[matched] { matched += 1 }
        if matched == letters.count { return true }
        start += 1
      }
      return false
    }
  }
}

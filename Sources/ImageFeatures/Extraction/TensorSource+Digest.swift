extension TensorSource {
  /// A fingerprint of every tensor's name and values (FNV-1a, 64 bits, a value at a time), in the order of their names.
  ///
  /// Tells one training run from another; no protection against forgery.
  func digest() throws -> String {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for name in names.sorted() {
      for byte in name.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
      for value in try tensor(named: name).values {
        hash = (hash ^ UInt64(value.bitPattern)) &* 0x100_0000_01b3
      }
    }
    return String(hash, radix: 16)
  }
}

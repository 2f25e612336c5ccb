internal import ImageSources

extension FeatureBatch {
  /// The batch without rows whose id comes twice in it: the first stays, or the last where rows replace each other.
  ///
  /// One statement may not touch a row twice, so the server could not decide this.
  func distinct(keepingLast: Bool) -> FeatureBatch {
    var place: [Int64: Int] = Dictionary(minimumCapacity: count)
    for (row, id) in ids.enumerated() where keepingLast || place[id] == nil { place[id] = row }
    guard place.count < count else { return self }
    var rows = FeatureBatch(firstPosition: firstPosition)
    for row in 0..<count where place[ids[row]] == row { rows.append(row, of: self) }
    return rows
  }
}

/// A tensor that still lies in its file: type, shape, strides and place, checked against the storage's bounds.
struct StoredTensor: Sendable {
  let type: ElementType
  let shape: [Int]
  /// Elements to step for each axis; never negative.
  let strides: [Int]
  /// The first element, counted in elements from the region's start.
  let offset: Int
  let region: FileRegion
  /// The number of elements.
  let count: Int

  /// - Throws: ``CheckpointError`` when the view leaves its storage, overflows, or is far larger than its storage.
  init(type: ElementType, shape: [Int], strides: [Int], offset: Int, region: FileRegion) throws {
    guard let count = Tensor.elementCount(of: shape), strides.count == shape.count, shape.count <= 64 else {
      throw CheckpointError(.damaged, "a tensor has the impossible shape \(Self.brief(shape))")
    }
    let stored = region.range.count / type.size
    if count > 0 {
      guard let last = Self.lastElement(shape, strides, offset), last < stored else {
        throw CheckpointError(
          .damaged,
          "a tensor of shape \(Self.brief(shape)) reaches beyond its storage of \(stored) elements"
        )
      }
      guard count <= max(16 * stored, 1 << 16) else {
        throw CheckpointError(
          .tooLarge,
          "a view of shape \(Self.brief(shape)) repeats a storage of \(stored)"
        )
      }
    }
    self.type = type
    self.shape = shape
    self.strides = strides
    self.offset = offset
    self.region = region
    self.count = count
  }

  /// A tensor in C order that fills its region.
  init(type: ElementType, shape: [Int], region: FileRegion) throws {
    try self.init(type: type, shape: shape, strides: Self.rowMajor(shape), offset: 0, region: region)
  }

  /// The strides of C order: the last axis varies fastest.
  static func rowMajor(_ shape: [Int]) -> [Int] {
    var strides = [Int](repeating: 1, count: shape.count)
    for axis in shape.indices.dropLast().reversed() {
      strides[axis] = strides[axis + 1].multipliedReportingOverflow(by: max(1, shape[axis + 1])).partialValue
    }
    return strides
  }

  /// The index of the farthest element; nil on overflow or a negative offset or stride.
  private static func lastElement(_ shape: [Int], _ strides: [Int], _ offset: Int) -> Int? {
    guard offset >= 0 else { return nil }
    var last = offset
    for (length, stride) in zip(shape, strides) {
      guard stride >= 0 else { return nil }
      let (reach, overflow) = (length - 1).multipliedReportingOverflow(by: stride)
      let (sum, carried) = last.addingReportingOverflow(reach)
      guard !overflow, !carried else { return nil }
      last = sum
    }
    return last
  }

  private static func brief(_ shape: [Int]) -> String {
    "\(Array(shape.prefix(8)))" + (shape.count > 8 ? " and \(shape.count - 8) more axes" : "")
  }
}

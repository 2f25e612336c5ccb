/// A dense array of 32-bit floats with a shape.
///  The values are in C order: the last axis varies fastest, as in NumPy, PyTorch and safetensors. An empty
/// shape is a scalar with one value.
public struct Tensor: Sendable, Hashable {
  /// The length of each axis, outermost first.
  public let shape: [Int]

  /// The elements in C order; as many as the product of `shape`.
  public let values: [Float]

  /// Makes a tensor from its elements.
  ///
  /// - Throws: `TensorError` when an axis is negative or the product of the axes is not the number of values.
  public init(shape: [Int], values: [Float]) throws {
    guard let count = Tensor.elementCount(of: shape), count == values.count else {
      throw TensorError(.shapeMismatch, "a tensor of shape \(shape) cannot hold \(values.count) values")
    }
    self.shape = shape
    self.values = values
  }

  /// The number of elements of a shape, or nil when an axis is negative or the product overflows.
  public static func elementCount(of shape: [Int]) -> Int? {
    var product = 1
    for axis in shape {
      guard axis >= 0 else { return nil }
      let (next, overflow) = product.multipliedReportingOverflow(by: axis)
      guard !overflow else { return nil }
      product = next
    }
    return product
  }
}

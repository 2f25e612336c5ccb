/// Named tensors: a checkpoint, a dictionary, a generator.
///
/// Networks are made from one and read each tensor once, so a source may produce tensors on demand.
public protocol TensorSource: Sendable {
  /// The names of all tensors.
  var names: [String] { get }

  /// The shape of a tensor, without reading its values.
  ///
  /// - Throws: `TensorError` with code `unknownName`, or the source's own error.
  func shape(of name: String) throws -> [Int]

  /// A tensor, converted to 32-bit floats.
  ///
  /// - Throws: `TensorError` with code `unknownName`, or the source's own error.
  func tensor(named name: String) throws -> Tensor
}

/// Tensors held in a dictionary.
public struct TensorDictionary: TensorSource, Hashable {
  /// The tensors by name.
  public var tensors: [String: Tensor]

  /// Wraps a dictionary of tensors.
  public init(_ tensors: [String: Tensor]) {
    self.tensors = tensors
  }

  /// The names, sorted.
  public var names: [String] { tensors.keys.sorted() }

  /// The shape of a tensor.
  public func shape(of name: String) throws -> [Int] {
    try tensor(named: name).shape
  }

  /// The tensor with this name.
  public func tensor(named name: String) throws -> Tensor {
    guard let tensor = tensors[name] else {
      throw TensorError(.unknownName, "there is no tensor named \"\(name)\"")
    }
    return tensor
  }
}

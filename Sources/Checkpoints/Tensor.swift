internal import Basics

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

/// A tensor that is absent or has another shape than it is used with.
public struct TensorError: Error, Sendable, Hashable, CustomStringConvertible {
  /// What went wrong.
  public struct Code: Sendable, Hashable {
    package let name: String

    private init(_ name: String) { self.name = name }

    /// The number of values, or the shape, is not the one needed.
    public static let shapeMismatch = Code("shapeMismatch")
    /// No tensor has this name.
    public static let unknownName = Code("unknownName")
  }

  /// What went wrong.
  public let code: Code

  /// One line: what, where, what to do.
  public let description: String

  /// Makes an error from its code and its line.
  public init(_ code: Code, _ description: String) {
    self.code = code
    self.description = description
  }
}

extension TensorError: ReportedError {
  /// As JSON output shows it.
  package var reportedCode: String { snakeCase(code.name) }
}

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

extension TensorSource {
  /// A digest of every tensor's name and values, in the order of their names: `FNV.SHA`.
  ///
  /// The part behind the point is SHA-256 over each name, a zero byte, and the values as little-endian floats. The one
  /// before it is FNV-1a of 64 bits, a value at a time: all that earlier versions recorded, so that their records, which
  /// are beginnings of this text, still say what they said.
  package func digest() throws -> String {
    var hash = FNV1a()
    var secure = SHA256()
    for name in names.sorted() {
      for byte in name.utf8 { hash.update(UInt64(byte)) }
      secure.update(Array(name.utf8) + [0])
      let values = try tensor(named: name).values
      hash.update(values)
      values.withUnsafeBytes { secure.update($0) }
    }
    return "\(String(hash.value, radix: 16)).\(secure.hexadecimal())"
  }
}

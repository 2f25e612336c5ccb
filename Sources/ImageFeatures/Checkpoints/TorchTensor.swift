/// A storage as PyTorch's pickle names it.
struct TorchStorage: Sendable, Hashable {
  let key: String
  /// Nil for an untyped storage, whose tensors say their type.
  let type: ElementType?
  /// Elements (bytes when untyped).
  let count: Int
}

/// A tensor as PyTorch's pickle describes it: a view of a storage.
struct TorchTensor: Sendable, Hashable {
  let storage: TorchStorage
  let type: ElementType
  let offset: Int
  let shape: [Int]
  let strides: [Int]
}

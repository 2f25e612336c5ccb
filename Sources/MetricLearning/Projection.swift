internal import Basics
internal import Checkpoints
internal import COpenBLAS

/// A linear map of embeddings to fewer dimensions: y = matrix (x - mean), with the vector's length made
/// 1 before and after as asked.
public struct Projection: Sendable, Hashable {
  /// The length of the vectors it takes.
  public let inputs: Int

  /// The length of the vectors it gives.
  public let outputs: Int

  /// The rows of the map, one an output, one behind the other.
  public let matrix: [Float]

  /// What is subtracted first.
  public let mean: [Float]

  /// Whether vectors are scaled to length 1 before the mean is subtracted.
  public let normalisesInput: Bool

  /// Whether results are scaled to length 1.
  public let normalisesOutput: Bool

  /// Where it comes from: method, feature, collection, counts; kept in its file.
  public var provenance: [String: String]

  /// Makes a projection from its parts.
  ///
  /// - Throws: `ProjectionError` with code `shape` when the matrix does not have a whole number of rows of
  ///   the mean's length.
  public init(
    matrix: [Float],
    mean: [Float],
    normalisesInput: Bool,
    normalisesOutput: Bool,
    provenance: [String: String] = [:]
  ) throws {
    guard !mean.isEmpty, !matrix.isEmpty, matrix.count.isMultiple(of: mean.count) else {
      throw ProjectionError(
        .shape,
        "a matrix of \(matrix.count) values has no whole number of rows of \(mean.count) values"
      )
    }
    inputs = mean.count
    outputs = matrix.count / mean.count
    self.matrix = matrix
    self.mean = mean
    self.normalisesInput = normalisesInput
    self.normalisesOutput = normalisesOutput
    self.provenance = provenance
  }

  /// Projects one vector.
  ///
  /// - Throws: `ProjectionError` with code `shape` when it has another length.
  public func apply(to vector: [Float]) throws -> [Float] {
    guard vector.count == inputs else {
      throw ProjectionError(
        .shape,
        "the projection takes vectors of \(inputs) values, this one has \(vector.count)"
      )
    }
    return try apply(toRows: vector)
  }

  /// Projects vectors that lie one behind the other.
  ///
  /// Every vector's result is independent of the others.
  ///
  /// - Throws: `ProjectionError` with code `shape` when they are not whole vectors.
  public func apply(toRows values: [Float]) throws -> [Float] {
    guard values.count.isMultiple(of: inputs) else {
      throw ProjectionError(.shape, "\(values.count) values are not whole vectors of \(inputs) values")
    }
    try OpenBLAS.open()
    var result = [Float](repeating: 0, count: values.count / inputs * outputs)
    result.withUnsafeMutableBufferPointer { result in
      for row in 0..<values.count / inputs {
        let centred = self.centred(values[row * inputs..<(row + 1) * inputs])
        let output = UnsafeMutableBufferPointer(rebasing: result[row * outputs..<(row + 1) * outputs])
        cblas_sgemv(
          CblasRowMajor,
          CblasNoTrans,
          Int32(outputs),
          Int32(inputs),
          1,
          matrix,
          Int32(inputs),
          centred,
          1,
          0,
          output.baseAddress,
          1
        )
        if normalisesOutput { VectorMath.normalise(output) }
      }
    }
    return result
  }

  /// A fingerprint of the map; the provenance does not count.
  package func digest() throws -> String {
    let ways: [Float] = [normalisesInput ? 1 : 0, normalisesOutput ? 1 : 0]
    return try TensorDictionary([
      "matrix": Tensor(shape: [outputs, inputs], values: matrix),
      "mean": Tensor(shape: [inputs], values: mean),
      "normalises": Tensor(shape: [2], values: ways),
    ]).digest()
  }

  private func centred(_ vector: ArraySlice<Float>) -> [Float] {
    var centred = Array(vector)
    if normalisesInput { VectorMath.normalise(&centred) }
    for index in centred.indices { centred[index] -= mean[index] }
    return centred
  }
}

/// A projection that cannot be learned, read or applied.
public struct ProjectionError: Error, Sendable, Hashable, CustomStringConvertible {
  /// What went wrong.
  public struct Code: Sendable, Hashable {
    package let name: String

    private init(_ name: String) { self.name = name }

    /// Vectors, labels or dimensions do not fit together.
    public static let shape = Code("shape")
    /// There is too little to learn from.
    public static let samples = Code("samples")
    /// The linear algebra did not succeed.
    public static let numerical = Code("numerical")
    /// The projection was fitted for other vectors.
    public static let mismatch = Code("mismatch")
    /// OpenBLAS cannot be loaded.
    public static let library = Code("library")
    /// The file is not a projection, or cannot be written.
    public static let file = Code("file")
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

extension ProjectionError: ReportedError {
  /// As JSON output shows it.
  package var reportedCode: String { snakeCase(code.name) }
}

extension Projection {
  private static let format = "adbvec-projection-1"

  /// Reads a projection from the .safetensors file that `write(toFile:)` makes.
  ///
  /// - Throws: `CheckpointError` when the file cannot be read, `ProjectionError` with code `file` when it is
  ///   not a projection.
  public init(contentsOfFile path: String) throws {
    try self.init(Checkpoint(contentsOfFile: path), file: path)
  }

  /// Reads a projection from the bytes of `encoded()`.
  ///
  /// - Throws: As `init(contentsOfFile:)`.
  public init(decoding bytes: [UInt8]) throws {
    try self.init(Checkpoint(decoding: bytes), file: "these bytes")
  }

  private init(_ checkpoint: Checkpoint, file: String) throws {
    var metadata = checkpoint.metadata
    guard metadata.removeValue(forKey: "format") == Projection.format,
      checkpoint.names.contains("matrix"), checkpoint.names.contains("mean")
    else {
      throw ProjectionError(.file, "\(file) holds no projection; make one with `adbvec projection fit`")
    }
    let normalisesInput = metadata.removeValue(forKey: "normalises_input") == "true"
    let normalisesOutput = metadata.removeValue(forKey: "normalises_output") == "true"
    try self.init(
      matrix: checkpoint.tensor(named: "matrix").values,
      mean: checkpoint.tensor(named: "mean").values,
      normalisesInput: normalisesInput,
      normalisesOutput: normalisesOutput,
      provenance: metadata
    )
  }

  /// The projection as a .safetensors file: `matrix`, `mean`, and the provenance as metadata.
  ///
  /// - Throws: Nothing for a projection made by `init`.
  public func encoded() throws -> [UInt8] {
    var metadata = provenance
    metadata["format"] = Projection.format
    metadata["normalises_input"] = String(normalisesInput)
    metadata["normalises_output"] = String(normalisesOutput)
    return try Safetensors.encode(
      [
        "matrix": Tensor(shape: [outputs, inputs], values: matrix),
        "mean": Tensor(shape: [inputs], values: mean),
      ],
      metadata: metadata
    )
  }

  /// Writes the projection to a file, all or nothing.
  ///
  /// - Throws: `ProjectionError` with code `file`.
  public func write(toFile path: String) throws {
    do {
      try AtomicFile.write(encoded(), to: path)
    } catch let failure as AtomicFile.Failure {
      throw ProjectionError(.file, failure.description)
    }
  }
}

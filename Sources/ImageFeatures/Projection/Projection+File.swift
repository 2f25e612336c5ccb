#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#else
  internal import Darwin
#endif

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
  /// - Throws: `TensorError` never for a projection made by `init`.
  public func encoded() throws -> [UInt8] {
    var metadata = provenance
    metadata["format"] = Projection.format
    metadata["normalises_input"] = String(normalisesInput)
    metadata["normalises_output"] = String(normalisesOutput)
    return SafetensorsWriter.encode(
      [
        ("matrix", try Tensor(shape: [outputs, inputs], values: matrix)),
        ("mean", try Tensor(shape: [inputs], values: mean)),
      ],
      metadata: metadata
    )
  }

  /// Writes the projection to a file, all or nothing.
  ///
  /// - Throws: `ProjectionError` with code `file`.
  public func write(toFile path: String) throws {
    let bytes = try encoded()
    let temporary = path + ".part"
    guard let file = fopen(temporary, "wb") else {
      throw ProjectionError(.file, "cannot write \(temporary): \(String(cString: strerror(errno)))")
    }
    let written = fwrite(bytes, 1, bytes.count, file)
    guard fclose(file) == 0, written == bytes.count, rename(temporary, path) == 0 else {
      let reason = String(cString: strerror(errno))
      unlink(temporary)
      throw ProjectionError(.file, "cannot write \(path): \(reason)")
    }
  }
}

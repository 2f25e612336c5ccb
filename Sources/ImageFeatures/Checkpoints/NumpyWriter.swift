import Foundation

/// Writes a matrix of 32-bit floats to a .npy file row by row, without knowing the number of rows beforehand.
///
/// The rows go to `path.part`; ``finish()`` writes the shape and renames it to `path`. A writer that is dropped
/// unfinished leaves no file behind.
public final class NumpyWriter {
  /// Values a row.
  public let columns: Int
  /// Rows written so far.
  public private(set) var rows = 0
  private let path: String
  private let handle: FileHandle
  private var isFinished = false
  /// Room for a number of rows of any length.
  private static let headerSize = 128

  /// Begins a file.
  ///
  /// - Throws: ``CheckpointError`` when the file cannot be made.
  public init(toFile path: String, columns: Int) throws {
    let part = path + ".part"
    guard FileManager.default.createFile(atPath: part, contents: nil),
      let handle = FileHandle(forWritingAtPath: part)
    else {
      throw CheckpointError(.unreadable, "cannot be written: \(String(cString: strerror(errno)))", file: part)
    }
    self.path = path
    self.columns = columns
    self.handle = handle
    try writeHeader()
  }

  deinit {
    try? handle.close()
    if !isFinished { try? FileManager.default.removeItem(atPath: path + ".part") }
  }

  /// Appends rows.
  ///
  /// - Parameter values: One or more rows of ``columns`` floats, one behind the other.
  /// - Throws: ``CheckpointError`` when the values make no whole rows or cannot be written.
  public func append(_ values: [Float]) throws {
    guard columns > 0, values.count.isMultiple(of: columns) else {
      throw CheckpointError(.unsupported, "\(values.count) values make no rows of \(columns)", file: path)
    }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(values.count * 4)
    Safetensors.append(values, to: &bytes)
    try write(bytes)
    rows += values.count / columns
  }

  /// Completes the file and gives it its name.
  ///
  /// - Throws: ``CheckpointError`` when it cannot be written.
  public func finish() throws {
    do {
      try handle.seek(toOffset: 0)
      try writeHeader()
      try handle.synchronize()
    } catch {
      throw unwritable(error)
    }
    guard rename(path + ".part", path) == 0 else {
      throw CheckpointError(.unreadable, "cannot be written: \(String(cString: strerror(errno)))", file: path)
    }
    isFinished = true
  }

  private func writeHeader() throws {
    try write(
      NumpyHeader.encode(type: .float32, isFortran: false, shape: [rows, columns], size: Self.headerSize)
    )
  }

  private func write(_ bytes: [UInt8]) throws {
    do {
      try handle.write(contentsOf: bytes)
    } catch {
      throw unwritable(error)
    }
  }

  private func unwritable(_ error: any Error) -> CheckpointError {
    error as? CheckpointError
      ?? CheckpointError(.unreadable, "cannot be written: \(error.localizedDescription)", file: path)
  }
}

/// Writes rows of (id, class, vector) in a format that `FeatureSource` reads back to the same rows.
public protocol FeatureWriter: AnyObject {
  /// Writes a row.
  /// - Throws: `CollectionError` when the file cannot be written or the format cannot hold the row.
  func write(id: Int64, label: String?, vector: [Float]) throws
  /// Completes the file; nothing is whole before.
  func finish() throws
}

/// Opens files for rows.
public enum FeatureOutput {
  /// Starts a file.
  ///
  /// - Parameters:
  ///   - path: `-` for standard output.
  ///   - format: nil goes by the file's extension, `features` for any that is not known.
  ///   - labels: a file for the classes, a line each, for the formats that carry none.
  /// - Throws: `CollectionError` when the path cannot be written or the format needs to go back in the file and it is
  ///   no regular file.
  public static func open(
    _ path: String,
    format: FeatureSource.Format?,
    labels: String? = nil
  ) throws -> any FeatureWriter {
    let format = format ?? FeatureSource.format(ofExtension: path) ?? .features
    guard [.npy, .fvecs, .bvecs].contains(format) || labels == nil else {
      throw CollectionError(
        .labels,
        file: path,
        "the format \(format) carries the classes; leave --labels out"
      )
    }
    let file = try OutputFile(path: path)
    switch format {
    case .features: return TextFeatureWriter(file, separator: "|")
    case .csv: return try TextFeatureWriter(file, separator: ",", header: "id,class,vector\n")
    case .jsonl: return JSONLinesWriter(file)
    case .npy: return try NumPyWriter(file, labels: labels.map { try OutputFile(path: $0) })
    case .fvecs, .bvecs:
      let element: NumPyHeader.Element = format == .bvecs ? .uint1 : .float4
      return VecsWriter(file, element: element, labels: try labels.map { try OutputFile(path: $0) })
    default:
      throw CollectionError(.unknownFormat, file: path, "the format \(format) can be read but not written")
    }
  }
}

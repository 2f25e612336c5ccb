public import ImageFeatures

/// Finds out what a path holds.
public enum ImageSource {
  /// Opens a folder of images, a CIFAR binary file, or a folder of CIFAR binary files.
  ///
  /// A folder with a `.bin` file at its top is CIFAR.
  /// - Parameters:
  ///   - labels: a CSV file `path,label` for a folder of images.
  ///   - options: how the images of a folder are decoded.
  /// - Throws: `CollectionError` when it is none of these.
  public static func open(
    _ path: String,
    labels: String? = nil,
    options: Image.DecodingOptions = Image.DecodingOptions()
  ) throws -> any ImageCollection {
    let path = path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path
    guard try FileSystem.isFolder(path) else { return try CIFARCollection(path: path) }
    if try !CIFARCollection.binaryFiles(in: path).isEmpty { return try CIFARCollection(path: path) }
    return try FolderCollection(path: path, labels: labels.map(LabelFile.init), options: options)
  }
}

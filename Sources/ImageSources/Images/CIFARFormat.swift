/// The two binary layouts of the CIFAR images (https://www.cs.toronto.edu/~kriz/cifar.html, "Binary version").
///
/// A record is its label bytes, then 32 × 32 red, green and blue planes, row by row.
struct CIFARFormat: Sendable {
  let name: String
  /// Bytes before the pixels: one label (CIFAR-10), or coarse and fine (CIFAR-100).
  let labelBytes: Int
  /// The classes that the last label byte counts.
  let classes: Int
  /// The file beside the records that names the classes, one a line.
  let namesFile: String
  /// How many coarser classes the first label byte counts, and the file that names them; nil where there are none.
  let coarse: (classes: Int, namesFile: String)?
  /// The official order of the files in a folder; others follow in byte order.
  let fileOrder: [String]

  static let pixelBytes = 3 * 32 * 32
  static let side = 32

  var recordBytes: Int { labelBytes + Self.pixelBytes }

  static let cifar100 = CIFARFormat(
    name: "CIFAR-100",
    labelBytes: 2,
    classes: 100,
    namesFile: "fine_label_names.txt",
    coarse: (20, "coarse_label_names.txt"),
    fileOrder: ["train.bin", "test.bin"]
  )

  static let cifar10 = CIFARFormat(
    name: "CIFAR-10",
    labelBytes: 1,
    classes: 10,
    namesFile: "batches.meta.txt",
    coarse: nil,
    fileOrder: (1...5).map { "data_batch_\($0).bin" } + ["test_batch.bin"]
  )

  /// The planes of a record as pixels, red, green, blue of each.
  static func interleave(_ record: ArraySlice<UInt8>) -> [UInt8] {
    let plane = side * side
    let start = record.startIndex
    return [UInt8](unsafeUninitializedCapacity: pixelBytes) { pixels, count in
      for pixel in 0..<plane {
        pixels[pixel * 3] = record[start + pixel]
        pixels[pixel * 3 + 1] = record[start + plane + pixel]
        pixels[pixel * 3 + 2] = record[start + 2 * plane + pixel]
      }
      count = pixelBytes
    }
  }
}

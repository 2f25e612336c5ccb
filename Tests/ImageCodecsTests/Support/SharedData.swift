import Foundation
import ImageCodecs

/// The numeric references beside the repository (`../shared/data`); tests that need them are skipped without it.
enum SharedData {
  static let root = URL(filePath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "shared/data")

  static let isPresent = FileManager.default.fileExists(atPath: root.appending(path: "reference/set1").path)

  static func path(_ relative: String) -> String { root.appending(path: relative).path }

  static func bytes(_ relative: String) throws -> [UInt8] {
    Array(try Data(contentsOf: root.appending(path: relative)))
  }
}

/// The 17 images of `reference/set1`, in the order of the rows of its arrays.
struct ReferenceSet {
  let files: [String]
  let crops: [UInt8]

  init() throws {
    struct Manifest: Decodable {
      struct Entry: Decodable { let file: String }
      let order: [Entry]
    }
    let json = Data(try SharedData.bytes("reference/set1/manifest.json"))
    files = try JSONDecoder().decode(Manifest.self, from: json).order.map(\.file)
    let array = try SharedData.bytes("reference/set1/crop224.npy")
    crops = Array(array.suffix(files.count * 224 * 224 * 3))
  }

  func crop(_ row: Int) -> [UInt8] {
    let size = 224 * 224 * 3
    return Array(crops[row * size..<(row + 1) * size])
  }
}

import Foundation
import ImageCodecs
import Inference

/// The numeric references beside the repository, in `../shared/data`.
enum ReferenceData {
  static let root: URL = URL(filePath: #filePath)
    .deletingLastPathComponent()  // InferenceTests
    .deletingLastPathComponent()  // Tests
    .deletingLastPathComponent()
    .appending(path: "../shared/data").standardizedFileURL

  static let isPresent = FileManager.default.fileExists(
    atPath: root.appending(path: "reference/set1").path
  )

  static let reason = "needs ../shared/data beside the repository"

  /// The rows of a float32 .npy file, one image each.
  static func rows(_ path: String) throws -> [[Float]] {
    let (shape, bytes) = try numpy(path)
    let width = shape.dropFirst().reduce(1, *)
    let values = bytes.withUnsafeBytes { raw in
      (0..<shape[0] * width).map { raw.loadUnaligned(fromByteOffset: 4 * $0, as: Float.self) }
    }
    return (0..<shape[0]).map { Array(values[$0 * width..<($0 + 1) * width]) }
  }

  /// The cropped images of set1, 224 x 224 pixels of red, green and blue.
  static func crops() throws -> [[UInt8]] {
    let (shape, bytes) = try numpy("reference/set1/crop224.npy")
    let size = shape.dropFirst().reduce(1, *)
    return (0..<shape[0]).map { Array(bytes.dropFirst($0 * size).prefix(size)) }
  }

  /// A network's input from a cropped image, by the architecture's recipe.
  static func input(_ crop: [UInt8], _ recipe: Normalization) -> [Float] {
    let pixels = crop.count / 3
    return (0..<crop.count).map { index in
      let (channel, pixel) = (index / pixels, index % pixels)
      let value = Float(crop[3 * pixel + channel]) / recipe.divisor
      return (value - recipe.mean[channel]) / recipe.deviation[channel]
    }
  }

  private static func numpy(_ path: String) throws -> (shape: [Int], bytes: [UInt8]) {
    let data = [UInt8](try Data(contentsOf: root.appending(path: path)))
    let length = Int(data[8]) + Int(data[9]) << 8
    let header = String(decoding: data[10..<10 + length], as: UTF8.self)
    let inside = header.split(separator: "(")[1].split(separator: ")")[0]
    let shape = inside.split(separator: ",").compactMap { Int($0.trimmingCharacters(in: .whitespaces)) }
    return (shape, Array(data[(10 + length)...]))
  }
}

/// The largest difference of two vectors, as a share of the expected one's largest value.
func relativeDifference(_ found: [Float], _ expected: [Float]) -> Float {
  guard found.count == expected.count else { return .infinity }
  let largest = expected.map(abs).max() ?? 0
  let difference = zip(found, expected).map { abs($0 - $1) }.reduce(0) { $1 > $0 || $1.isNaN ? $1 : $0 }
  return difference / max(largest, .leastNormalMagnitude)
}

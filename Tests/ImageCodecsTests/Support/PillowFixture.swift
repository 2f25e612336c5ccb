import Foundation

/// A small file, and the pixels that Pillow 13.0.0 gives for it: `Image.open(file).convert("RGB")`.
struct PillowFixture: Sendable {
  let name: String
  /// Base64.
  let file: String
  let width: Int
  let height: Int
  /// Base64.
  let rgb: String

  var bytes: [UInt8] { Array(Data(base64Encoded: file, options: .ignoreUnknownCharacters) ?? Data()) }
  var pixels: [UInt8] { Array(Data(base64Encoded: rgb, options: .ignoreUnknownCharacters) ?? Data()) }

  static let all = pngFiles + otherFiles
}

import CommandSupport
import Foundation

/// A vector as people write it: numbers between commas, in `[…]`, `{…}` or bare.
enum VectorArgument {
  /// Reads the numbers.
  /// - Throws: `CommandFailure` naming the first element that is no finite number.
  static func parse(_ text: String, of source: String) throws -> [Float] {
    let brackets: Set<Character> = ["[", "]", "{", "}"]
    let parts = text.filter { !brackets.contains($0) }.split { $0 == "," || $0.isWhitespace }
    guard !parts.isEmpty else { throw CommandFailure("\(source) holds no numbers", exitCode: 64) }
    return try parts.enumerated().map { index, part in
      guard let value = Float(part), value.isFinite else {
        throw CommandFailure("element \(index) of \(source) is not a finite number", exitCode: 64)
      }
      return value
    }
  }

  /// Reads a file: `.npy` gives its first row, anything else is text.
  static func read(file path: String) throws -> [Float] {
    guard let data = FileManager.default.contents(atPath: path) else {
      throw CommandFailure("cannot read the vector file \(path)")
    }
    return try parse(String(decoding: data, as: UTF8.self), of: path)
  }
}

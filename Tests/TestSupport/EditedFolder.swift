internal import Basics
internal import Foundation

/// A folder of images of one pixel, whose colour tells them apart, and everything that people do to images in it.
public final class EditedFolder: Sendable {
  private let folder: TemporaryFolder

  /// The folder's path.
  public var path: String { folder.path }

  /// Makes an empty folder, which is deleted with this.
  public init() throws { folder = try TemporaryFolder() }

  /// The images' paths in the folder, sorted.
  public func paths() -> [String] {
    let all = FileManager.default.enumerator(atPath: path)?.compactMap { $0 as? String } ?? []
    return all.filter { $0.hasSuffix(".bmp") }.sorted()
  }

  /// A bitmap of one pixel, 24 bits.
  ///
  /// - Parameter extraBytes: follow it, so that the size is another and the pixel the same.
  public static func bitmap(red: UInt8, green: UInt8 = 0, extraBytes: Int = 0) -> [UInt8] {
    var bytes: [UInt8] = Array("BM".utf8)
    for word: UInt32 in [58, 0, 54, 40, 1, 1, 1 | 24 << 16, 0, 4, 0, 0, 0, 0] {
      withUnsafeBytes(of: word.littleEndian) { bytes.append(contentsOf: $0) }
    }
    return bytes + [0, green, red, 0] + [UInt8](repeating: 0, count: extraBytes)
  }

  /// Writes an image.
  public func write(_ name: String, _ red: UInt8, extraBytes: Int = 0) throws {
    try write(name, Self.bitmap(red: red, extraBytes: extraBytes))
  }

  /// Writes a file, below folders that are made.
  public func write(_ name: String, _ bytes: [UInt8]) throws {
    _ = try folder.file(name, bytes)
  }

  /// Moves a file, onto another one too.
  public func move(_ from: String, _ to: String) throws {
    try makeFolder(to)
    _ = rename(absolute(from), absolute(to))
  }

  /// Copies a file; the copy's time of modification is that of the copying.
  public func copy(_ from: String, _ to: String) throws {
    guard from != to else { return }
    try write(to, Array(Data(contentsOf: URL(fileURLWithPath: absolute(from)))))
  }

  /// Lets two files change their names.
  public func exchange(_ first: String, _ second: String) throws {
    guard first != second else { return }
    try move(first, "exchanged")
    try move(second, first)
    try move("exchanged", second)
  }

  /// Deletes a file.
  public func remove(_ name: String) throws {
    try FileManager.default.removeItem(atPath: absolute(name))
  }

  /// Sets the time of modification to now.
  public func touch(_ name: String) throws { try date(name, Date()) }

  /// Sets the time of modification long back, always to the same second.
  public func age(_ name: String) throws { try date(name, Date(timeIntervalSince1970: 1_700_000_000)) }

  private func date(_ name: String, _ date: Date) throws {
    try FileManager.default.setAttributes([.modificationDate: date], ofItemAtPath: absolute(name))
  }

  /// The absolute path of a file.
  public func absolute(_ name: String) -> String { path + "/" + name }

  private func makeFolder(_ name: String) throws {
    guard let slash = absolute(name).lastIndex(of: "/") else { return }
    try FileManager.default.createDirectory(
      atPath: String(absolute(name)[..<slash]),
      withIntermediateDirectories: true
    )
  }
}

/// Random edits of a folder, the same for a seed: add, edit, move, delete, duplicate, touch, exchange.
public struct FolderEdits: Sendable {
  private var generator: SeededGenerator

  /// Edits that start from a seed.
  public init(seed: UInt64) { generator = SeededGenerator(seed: seed) }

  /// A random number.
  public mutating func number(in range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &generator) }

  /// Changes one image.
  public mutating func apply(to folder: EditedFolder) throws {
    let paths = folder.paths()
    let new = "c\(number(in: 0...2))/\(number(in: 0...15)).bmp"
    let red = UInt8(number(in: 0...40))
    guard let path = paths.randomElement(using: &generator),
      let other = paths.randomElement(using: &generator)
    else { return try folder.write(new, red) }
    switch number(in: 0...8) {
    case 0, 1, 2: try folder.write(new, red)
    case 3: try folder.write(path, red, extraBytes: number(in: 0...2))
    case 4: try folder.move(path, new)
    case 5: try folder.remove(path)
    case 6: try folder.copy(path, new)
    case 7: try folder.touch(path)
    default: try folder.exchange(path, other)
    }
  }
}

internal import Basics
internal import SQLLexer
internal import Glibc

/// The data of a COPY, in the text of its section or on the disk.
enum CopyData: Sendable, Hashable {
  case text(ArraySlice<UInt8>)
  indirect case file(CopyDataFile)

  /// - Throws: what the body throws; `MigrationError` when the file cannot be read again as it was.
  func forEachPart(_ body: (ArraySlice<UInt8>) throws -> Void) throws {
    switch self {
    case .text(let bytes): try body(bytes)
    case .file(let file): try file.forEachPart(body)
    }
  }
}

/// The data of a COPY that stays on the disk until it is sent: a section may hold more of it than memory does.
struct CopyDataFile: Sendable, Hashable {
  private static let partSize = 1 << 16

  let path: String
  /// Where in the file's normalised text the data would stand.
  var offset: Int
  /// The bytes of the file.
  var bytes: Range<Int>
  var lines: Int
  /// SHA-256 of the normalised data, in hexadecimal.
  var hash: String

  /// Reads the data in parts, with carriage returns taken off as in the rest of a file.
  /// - Throws: `MigrationError` with code `unreadableFile`, also when the data is no longer what was read before.
  func forEachPart(_ body: (ArraySlice<UInt8>) throws -> Void) throws {
    let file = try LargeFile(path)
    var digest = SHA256()
    var part: [UInt8] = []
    func flush() throws {
      digest.update(part)
      try body(part[...])
      part.removeAll(keepingCapacity: true)
    }
    try file.forEachLine(in: bytes) { line, _ in
      part += line
      if part.count >= Self.partSize { try flush() }
    }
    try flush()
    guard digest.hexadecimal() == hash else {
      throw MigrationError(
        .unreadableFile,
        "\(path) changed while it was being sent",
        hint: "run again"
      )
    }
  }
}

/// A file that is read in parts, without ever being whole in memory.
final class LargeFile {
  /// Files below are read whole.
  static let smallest = 32 << 20
  /// Data below stays in the text.
  static let smallestData = 1 << 20

  private let descriptor: Int32
  private let path: String

  init(_ path: String) throws {
    self.path = path
    descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw FileOperations.failure("read", path) }
  }

  deinit { close(descriptor) }

  /// The file's text without the data of its large COPYs, with these, and with the hash of the whole.
  ///
  /// A COPY whose statement stands on one line is found by that line; the caller has to make sure by the lexer that the
  /// line is a statement.
  /// - Returns: nil when the data holds `{{`, which may be a parameter: such a file is read whole.
  /// - Throws: `MigrationError` with code `unreadableFile` for what is not UTF-8.
  func read(leavingOut smallestData: Int = smallestData) throws -> (
    text: [UInt8], data: [CopyDataFile], hash: String
  )? {
    var text: [UInt8] = []
    var found: [CopyDataFile] = []
    var whole = SHA256()
    var data: OpenData?
    var number = 0
    var mayBeTemplate = false
    try forEachLine(in: 0..<Int.max) { line, place in
      number += 1
      let content = number == 1 && line.starts(with: [0xEF, 0xBB, 0xBF]) ? line.dropFirst(3) : line
      if let bad = UTF8Check.firstInvalidByte(content) { throw invalid(content, bad, line: number) }
      content.withUnsafeBytes { whole.update($0) }
      if data != nil, Self.isEnd(content) {
        if let open = data, open.isLeftOut {
          mayBeTemplate = mayBeTemplate || open.holdsBraces
          found.append(
            CopyDataFile(
              path: path,
              offset: text.count,
              bytes: open.start..<place.lowerBound,
              lines: open.lines,
              hash: open.digest.hexadecimal()
            )
          )
        } else {
          text += data?.kept ?? []
        }
        data = nil
        text += content
      } else if data != nil {
        let size = place.upperBound - (data?.start ?? place.upperBound)
        data?.append(content, leavingOut: size >= smallestData)
      } else {
        text += content
        if Self.isCopy(content) { data = OpenData(start: place.upperBound) }
      }
    }
    // Without its end the data belongs to a text that is refused; it is refused with what there is.
    text += data?.kept ?? []
    return mayBeTemplate ? nil : (text, found, whole.hexadecimal())
  }

  /// Calls a body with each line and its place in the file; a line's CRLF becomes LF.
  func forEachLine(in range: Range<Int>, _ body: (ArraySlice<UInt8>, Range<Int>) throws -> Void) throws {
    var buffer = [UInt8](repeating: 0, count: 1 << 20)
    var carried: [UInt8] = []
    var position = range.lowerBound
    var lineStart = position
    while position < range.upperBound {
      let wanted = min(buffer.count, range.upperBound - position)
      let count = pread(descriptor, &buffer, wanted, off_t(position))
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw FileOperations.failure("read", path) }
      if count == 0 { break }
      var start = 0
      while let end = buffer[start..<count].firstIndex(of: 0x0A) {
        let next = position + end + 1
        if carried.isEmpty {
          try body(Self.normalised(buffer[start...end]), lineStart..<next)
        } else {
          carried += buffer[start...end]
          try body(Self.normalised(carried[...]), lineStart..<next)
          carried = []
        }
        start = end + 1
        lineStart = next
      }
      carried += buffer[start..<count]
      position += count
    }
    if !carried.isEmpty { try body(carried[...], lineStart..<position) }
  }

  private static func normalised(_ line: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
    guard line.count > 1, line[line.endIndex - 2] == 0x0D else { return line }
    return Array(line.dropLast(2) + [0x0A])[...]
  }

  private static func isEnd(_ line: ArraySlice<UInt8>) -> Bool {
    line.count <= 3 && (line.elementsEqual([0x5C, 0x2E, 0x0A]) || line.elementsEqual([0x5C, 0x2E]))
  }

  /// Whether a line is a whole `COPY … FROM STDIN …;`.
  private static func isCopy(_ line: ArraySlice<UInt8>) -> Bool {
    let isCandidate = line.count < 10_000 && line.contains(UInt8(ascii: ";"))
    guard isCandidate, line.first(where: { $0 > 0x20 }).map({ $0 | 0x20 == UInt8(ascii: "c") }) ?? false
    else {
      return false
    }
    let statements = Script(SourceText(utf8: Array(line))).statements
    return statements.count == 1 && statements[0].isTerminated && statements[0].copiesFromStandardInput
  }

  fileprivate static func holdsBraces(_ line: ArraySlice<UInt8>) -> Bool {
    var index = line.startIndex
    while let brace = line[index...].firstIndex(of: UInt8(ascii: "{")) {
      if brace + 1 < line.endIndex, line[brace + 1] == UInt8(ascii: "{") { return true }
      index = brace + 1
    }
    return false
  }

  private func invalid(_ line: ArraySlice<UInt8>, _ bad: Int, line number: Int) -> MigrationError {
    let text = SourceText(utf8: Array(line[..<bad]))
    return MigrationError(
      .unreadableFile,
      "this is not UTF-8 text (byte 0x\(String(line[bad], radix: 16, uppercase: true)))",
      hint: "save the file as UTF-8",
      at: SourceLocation(file: path, text: text, offset: text.utf8.count, linesBefore: number - 1)
    )
  }
}

/// The data of a COPY whose end has not been read.
private struct OpenData {
  let start: Int
  var kept: [UInt8] = []
  var digest = SHA256()
  var lines = 0
  var holdsBraces = false
  var isLeftOut = false

  init(start: Int) { self.start = start }

  mutating func append(_ line: ArraySlice<UInt8>, leavingOut: Bool) {
    line.withUnsafeBytes { digest.update($0) }
    lines += 1
    holdsBraces = holdsBraces || LargeFile.holdsBraces(line)
    isLeftOut = isLeftOut || leavingOut
    if isLeftOut { kept = [] } else { kept += line }
  }
}

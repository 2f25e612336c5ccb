internal import Basics
import FoundationEssentials
internal import Glibc

/// A file or standard input read front to back through one buffer that grows only for a record larger than it.
///
/// Of a compressed file the stream is the content; offsets count the content's bytes.
final class ByteStream {
  let name: String
  /// The offset in the source of the first byte of `available`.
  private(set) var offset = 0
  private(set) var reachedEnd = false

  /// Whether the content is decompressed on the way, so that nothing is known of its length.
  var isCompressed: Bool { decompression != nil }

  /// The command that decompresses the file to standard output; nil when nothing is to be decompressed.
  var decompressor: String? { decompression?.command }

  private let descriptor: Int32
  private let ownsDescriptor: Bool
  private var decompression: Decompression?
  /// Where the bytes start in the file, and how many are left to read there; nil for all.
  private var part: (start: Int, count: Int, left: Int)?
  /// The CRC-32 that the content must have, and that of what was read; nil where parts of it are passed over.
  private var checksum: (expected: UInt32, actual: UInt32)?
  private var buffer: [UInt8]
  private var start = 0
  private var end = 0

  private static let largestRecord = 1 << 28

  /// - Parameters:
  ///   - path: nil for standard input.
  ///   - bufferSize: bytes to begin with.
  ///   - decompresses: whether gzip and Zstandard are known by their first bytes and decompressed.
  /// - Throws: `CollectionError` with code `unreadable`.
  init(path: String?, bufferSize: Int = 1 << 20, decompresses: Bool = false) throws {
    name = path ?? "standard input"
    ownsDescriptor = path != nil
    if let path {
      guard try !FileSystem.isFolder(path) else {
        throw CollectionError(.unreadable, file: path, "it is a folder where a file was expected")
      }
      // A pipe that nobody writes to yet would keep `open` waiting, and the program could not be stopped.
      descriptor = open(FileSystem.terminated(path), O_RDONLY | O_CLOEXEC | O_NONBLOCK)
      guard descriptor >= 0 else { throw CollectionError(.unreadable, file: path, FileSystem.reason(errno)) }
    } else {
      descriptor = STDIN_FILENO
    }
    buffer = [UInt8](repeating: 0, count: bufferSize)
    guard decompresses, try require(4),
      let kind = withAvailable({ Decompression.Kind($0) })
    else { return }
    decompression = try Decompression(kind, head: withAvailable { Array($0) }, name: name)
    (start, end) = (0, 0)
  }

  /// A part of a file as a stream of its own.
  /// - Parameters:
  ///   - name: for messages.
  ///   - isDeflated: whether it is a raw deflate stream.
  ///   - checksum: the CRC-32 of the content, which is compared at its end.
  /// - Throws: `CollectionError` with code `unreadable`.
  init(part range: Range<Int>, of path: String, name: String, isDeflated: Bool, checksum: UInt32) throws {
    self.name = name
    ownsDescriptor = true
    descriptor = open(FileSystem.terminated(path), O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw CollectionError(.unreadable, file: path, FileSystem.reason(errno)) }
    buffer = [UInt8](repeating: 0, count: 1 << 16)
    part = (range.lowerBound, range.count, range.count)
    self.checksum = (checksum, 0)
    lseek(descriptor, off_t(range.lowerBound), SEEK_SET)
    if isDeflated { decompression = try Decompression(.deflate, head: [], name: name) }
  }

  deinit {
    if ownsDescriptor { close(descriptor) }
  }

  /// How many bytes are at hand.
  var availableCount: Int { end - start }

  /// Lends the bytes at hand.
  func withAvailable<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
    try buffer.withUnsafeBytes { try body(UnsafeRawBufferPointer(rebasing: $0[start..<end])) }
  }

  /// Marks bytes at hand as used.
  func consume(_ count: Int) {
    start += count
    offset += count
  }

  /// Reads more behind the bytes at hand.
  /// - Throws: `CollectionError` when reading fails or a record is larger than 256 MiB.
  func fill() throws {
    if start > 0 {
      buffer.withUnsafeMutableBytes { bytes in
        bytes.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[start..<end]))
      }
      end -= start
      start = 0
    }
    if end == buffer.count {
      guard buffer.count < Self.largestRecord else {
        throw CollectionError(.damaged, file: name, "a record is longer than \(Self.largestRecord >> 20) MiB")
      }
      buffer.append(contentsOf: repeatElement(0, count: buffer.count))
    }
    let count = try buffer.withUnsafeMutableBytes { bytes in
      let room = UnsafeMutableRawBufferPointer(rebasing: bytes[end...])
      return try decompression?.read(into: room, from: readFile) ?? readFile(room)
    }
    if let known = checksum {
      let read = buffer.withUnsafeBytes {
        CRC32.update(known.actual, UnsafeRawBufferPointer(rebasing: $0[end..<end + count]))
      }
      guard count > 0 || read == known.expected else {
        throw CollectionError(.damaged, file: name, "its checksum is wrong; copy or download it again")
      }
      checksum = (known.expected, read)
    }
    end += count
    reachedEnd = count == 0
  }

  /// Reads what the file has next, as it lies there; 0 bytes are the end.
  private func readFile(_ room: UnsafeMutableRawBufferPointer) throws -> Int {
    while true {
      try wait()
      let count = read(descriptor, room.baseAddress, min(room.count, part?.left ?? room.count))
      if count < 0, errno == EINTR || errno == EAGAIN { continue }
      guard count >= 0 else { throw CollectionError(.unreadable, file: name, FileSystem.reason(errno)) }
      part?.left -= count
      return count
    }
  }

  /// Waits for bytes as long as the task is wanted: `read` on a pipe that nobody writes to could not be stopped.
  private func wait() throws {
    var request = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    while poll(&request, 1, Self.patience) == 0 { try Task.checkCancellation() }
  }

  private static let patience: Int32 = 100

  /// Reads until `count` bytes are at hand, or the end is reached.
  /// - Returns: whether there are that many.
  func require(_ count: Int) throws -> Bool {
    while availableCount < count, !reachedEnd { try fill() }
    return availableCount >= count
  }

  /// Reads what is left and drops it: only at its end a compressed file shows whether it is whole.
  /// - Returns: how many bytes were left.
  func drain() throws -> Int {
    let before = offset
    while try require(1) { consume(availableCount) }
    return offset - before
  }

  /// Passes over a byte order mark, if one is next.
  func skipByteOrderMark() throws {
    let mark = ByteOrderMark.bytes
    if try require(mark.count), withAvailable({ $0.starts(with: mark) }) { consume(mark.count) }
  }

  /// Goes on at an offset in the source, without reading what lies before it where the source can seek.
  func skip(to target: Int) throws {
    if ownsDescriptor, decompression == nil,
      lseek(descriptor, off_t((part?.start ?? 0) + target), SEEK_SET) >= 0
    {
      (start, end, offset, reachedEnd) = (0, 0, target, false)
      if let part { self.part?.left = max(0, part.count - target) }
      checksum = nil
      return
    }
    while offset < target {
      if availableCount == 0 { try fill() }
      guard availableCount > 0 else { return }
      consume(min(availableCount, target - offset))
    }
  }
}

/// The three bytes that some editors put before UTF-8 text.
enum ByteOrderMark {
  static let bytes: [UInt8] = [0xEF, 0xBB, 0xBF]
}

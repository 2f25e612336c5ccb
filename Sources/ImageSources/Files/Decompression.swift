internal import Basics
internal import CZstandard

/// Decompresses a file on the way: gzip of any number of members, Zstandard of any number of frames.
///
/// The end of the data is only the end of the content when a member ends there with its right checksum.
final class Decompression {
  /// The formats. Those of files are known by their first bytes; raw deflate stands in a ZIP archive.
  enum Kind {
    case gzip, zstandard, deflate

    init?(_ head: some Collection<UInt8>) {
      if head.starts(with: [0x1F, 0x8B, 8]) {
        self = .gzip
      } else if head.starts(with: [0x28, 0xB5, 0x2F, 0xFD]) {
        self = .zstandard
      } else {
        return nil
      }
    }
  }

  /// The command that writes the content to standard output; nil where the source is not a file.
  var command: String? {
    switch kind {
    case .gzip: "gzip -dc"
    case .zstandard: "zstd -dc"
    case .deflate: nil
    }
  }

  private let kind: Kind
  private let name: String
  private var inflater: Inflater?
  private let zstandard: OpaquePointer?
  private var input: [UInt8]
  private var start = 0
  private var end: Int
  private var sourceEnded = false
  /// Whether what was decompressed so far ends where a member ends.
  private var isComplete = false

  private static let inputSize = 1 << 18

  /// - Parameter head: what was read of the file already.
  /// - Throws: `CollectionError` when the format's library is missing.
  init(_ kind: Kind, head: [UInt8], name: String) throws {
    self.kind = kind
    self.name = name
    end = head.count
    input = head + [UInt8](repeating: 0, count: max(0, Self.inputSize - head.count))
    switch kind {
    case .gzip, .deflate: zstandard = nil
    case .zstandard:
      if let problem = adbvec_zstandard_problem() {
        throw CollectionError(
          .unreadable,
          file: name,
          "it is Zstandard, and \(String(cString: problem)). Fix: install it, or zstd -dc FILE | adbvec load -"
        )
      }
      zstandard = adbvec_zstandard_open()
      guard zstandard != nil else {
        throw CollectionError(.unreadable, file: name, "no memory for Zstandard")
      }
    }
  }

  deinit { zstandard.map { adbvec_zstandard_close($0) } }

  /// Decompresses into `room`, which is not empty; 0 bytes are the end of the content.
  /// - Throws: `CollectionError` with code `damaged`.
  func read(
    into room: UnsafeMutableRawBufferPointer,
    from source: (UnsafeMutableRawBufferPointer) throws -> Int
  ) throws -> Int {
    while true {
      if start == end, !sourceEnded {
        end = try input.withUnsafeMutableBytes(source)
        start = 0
        sourceEnded = end == 0
      }
      if start == end, isComplete { return 0 }
      let (consumed, produced) = try kind == .zstandard ? decompress(room) : inflate(room)
      start += consumed
      if produced > 0 { return produced }
      guard consumed > 0 || start == end, consumed > 0 || !sourceEnded || isComplete else {
        throw damaged("it ends before its content does; copy or download it again")
      }
    }
  }

  private func inflate(_ room: UnsafeMutableRawBufferPointer) throws -> (Int, Int) {
    if isComplete {
      // gzip pads with zeros, and joins files by writing one behind the other.
      let zeros = input[start..<end].prefix { $0 == 0 }.count
      if zeros > 0 { return (zeros, 0) }
      inflater = nil
      isComplete = false
    }
    do {
      let inflater = try inflater ?? Inflater(kind == .gzip ? .gzip : .none)
      self.inflater = inflater
      let used = try input.withUnsafeBytes {
        try inflater.inflate(UnsafeRawBufferPointer(rebasing: $0[start..<end]), into: room)
      }
      isComplete = inflater.isFinished
      return used
    } catch let failure as Inflater.Failure {
      throw damaged("\(kind == .gzip ? "as gzip, " : "")\(failure.reason); copy or download it again")
    }
  }

  private func decompress(_ room: UnsafeMutableRawBufferPointer) throws -> (Int, Int) {
    var (consumed, produced) = (0, 0)
    let rest = input.withUnsafeBytes {
      let part = UnsafeRawBufferPointer(rebasing: $0[start..<end])
      return adbvec_zstandard_read(
        zstandard,
        part.baseAddress,
        part.count,
        &consumed,
        room.baseAddress,
        room.count,
        &produced
      )
    }
    guard rest >= 0 else {
      let reason = String(cString: adbvec_zstandard_message(zstandard))
      throw damaged("as Zstandard, it is damaged (\(reason)); copy or download it again")
    }
    if consumed + produced > 0 { isComplete = rest == 0 }
    return (consumed, produced)
  }

  private func damaged(_ reason: String) -> CollectionError {
    CollectionError(.damaged, file: name, reason)
  }
}

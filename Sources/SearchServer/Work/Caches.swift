internal import Basics
internal import FoundationEssentials
internal import Glibc

/// Keeps what was used last, up to a total cost.
final class BoundedCache<Key: Hashable & Sendable, Value: Sendable>: Sendable {
  private struct Entry {
    var value: Value
    var cost: Int
    var use: UInt64
  }

  private struct State {
    var entries: [Key: Entry] = [:]
    var keysByUse: [UInt64: Key] = [:]
    var oldestUse: UInt64 = 0
    var nextUse: UInt64 = 0
    var cost = 0
  }

  private let state = StateLock(State())
  let maximumCost: Int

  init(maximumCost: Int) {
    self.maximumCost = maximumCost
  }

  /// The sum of the costs of what is kept.
  var cost: Int { state.withLock { $0.cost } }

  /// The value of a key, which counts as a use.
  func value(for key: Key) -> Value? {
    state.withLock { state in
      guard let entry = state.entries[key] else { return nil }
      touch(key, &state)
      return entry.value
    }
  }

  /// Keeps a value; drops what was not used for longest where the total would be too much.
  func insert(_ value: Value, for key: Key, cost: Int) {
    guard cost <= maximumCost else { return }
    state.withLock { state in
      remove(key, &state)
      state.entries[key] = Entry(value: value, cost: cost, use: state.nextUse)
      state.cost += cost
      touch(key, &state)
      while state.cost > maximumCost, state.oldestUse < state.nextUse {
        if let oldest = state.keysByUse[state.oldestUse] { remove(oldest, &state) }
        state.oldestUse += 1
      }
    }
  }

  private func touch(_ key: Key, _ state: inout State) {
    if let use = state.entries[key]?.use { state.keysByUse[use] = nil }
    state.entries[key]?.use = state.nextUse
    state.keysByUse[state.nextUse] = key
    state.nextUse += 1
  }

  private func remove(_ key: Key, _ state: inout State) {
    guard let entry = state.entries.removeValue(forKey: key) else { return }
    state.keysByUse[entry.use] = nil
    state.cost -= entry.cost
  }
}

/// Keys from the system's random number generator.
enum RandomKey {
  private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")

  /// 22 characters that are safe in a link: 132 random bits.
  static func make() -> String {
    var generator = SystemRandomNumberGenerator()
    return String((0..<22).map { _ in alphabet[Int(generator.next() & 63)] })
  }
}

/// Values in files of a folder, up to a total size: they outlive the process, and what was not used for longest goes first.
///
/// Processes may share a folder. What cannot be read or written is not kept: a full disk fails no request. Calls
/// block.
final class DiskCache: Sendable {
  private let folder: String
  private let maximumBytes: Int
  /// Bytes written since the folder was last counted; nil before the first time.
  private let uncounted = StateLock<Int?>(nil)

  /// - Parameters:
  ///   - folder: is made, for its owner alone, when the first value is kept.
  ///   - maximumBytes: of all values together.
  init(folder: String, maximumBytes: Int) {
    self.folder = folder
    self.maximumBytes = maximumBytes
  }

  /// The value of a key, which counts as a use.
  func value(for key: String) -> [UInt8]? {
    guard let path = path(of: key) else { return nil }
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0, (1...maximumBytes).contains(Int(status.st_size)) else {
      return nil
    }
    let size = Int(status.st_size)
    var filled = 0
    let bytes = [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
      while filled < size, let base = buffer.baseAddress {
        let got = read(descriptor, base + filled, size - filled)
        if got < 0, errno == EINTR { continue }
        guard got > 0 else { break }
        filled += got
      }
      count = filled
    }
    futimens(descriptor, nil)
    return bytes.count == size ? bytes : nil
  }

  /// Keeps a value under a key of letters, digits and `-`, at least 4 of them.
  func insert(_ bytes: [UInt8], for key: String) {
    guard !bytes.isEmpty, bytes.count <= maximumBytes / 8, let path = path(of: key) else { return }
    let parent = String(path[..<(path.lastIndex(of: "/") ?? path.endIndex)])
    guard isFolder(parent) || makeFolders(parent) else { return }
    var draft = Array((parent + "/.draft-XXXXXX").utf8CString)
    let descriptor = mkstemp(&draft)
    guard descriptor >= 0 else { return }
    let isWritten = bytes.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) } == bytes.count
    guard close(descriptor) == 0, isWritten, rename(draft, path) == 0 else {
      unlink(draft)
      return
    }
    count(bytes.count)
  }

  private func path(of key: String) -> String? {
    guard key.utf8.count >= 4,
      key.utf8.allSatisfy({ $0 == 0x2D || (0x30...0x39).contains($0) || (0x61...0x7A).contains($0) })
    else { return nil }
    return "\(folder)/\(key.prefix(2))/\(key.dropFirst(2))"
  }

  private func isFolder(_ path: String) -> Bool {
    var status = stat()
    return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
  }

  private func makeFolders(_ path: String) -> Bool {
    try? FileManager.default.createDirectory(
      atPath: path,
      withIntermediateDirectories: true,
      attributes: [.posixPermissions: 0o700]
    )
    return isFolder(path)
  }

  /// The folder is counted at the start, and again when an eighth more may be in it than then was left.
  private func count(_ bytes: Int) {
    let isDue = uncounted.withLock { uncounted in
      let sum = uncounted.map { $0 + bytes }
      let isDue = sum.map { $0 > maximumBytes / 8 } ?? true
      uncounted = isDue ? 0 : sum
      return isDue
    }
    if isDue { shrink(to: maximumBytes - maximumBytes / 8) }
  }

  private func shrink(to most: Int) {
    var files: [(path: String, bytes: Int, used: timespec)] = []
    for part in names(folder) where part.utf8.count == 2 {
      for name in names("\(folder)/\(part)") {
        var status = stat()
        let path = "\(folder)/\(part)/\(name)"
        guard lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { continue }
        files.append((path, Int(status.st_size), status.st_mtim))
      }
    }
    var total = files.reduce(0) { $0 + $1.bytes }
    guard total > most else { return }
    files.sort { ($0.used.tv_sec, $0.used.tv_nsec) < ($1.used.tv_sec, $1.used.tv_nsec) }
    for file in files where total > most {
      if unlink(file.path) == 0 { total -= file.bytes }
    }
  }

  private func names(_ path: String) -> [String] {
    (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
  }
}

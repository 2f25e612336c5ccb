internal import Basics
internal import FoundationEssentials
internal import Glibc
internal import ImageSources

/// Tells that something in a folder, or below it, may have changed. What changed is for a new look at the folder to say:
/// events are lost when there are many, and there may be more folders than the system watches.
public actor FolderWatch {
  /// Why the folder should be looked at again.
  public enum Reason: Sendable, Hashable {
    /// Something in it changed.
    case changed
    /// The time after which it is looked at in any case has passed.
    case interval
    /// More changed at once than the system could tell one by one.
    case overflow
  }

  private let path: String
  private let descriptor: Int32
  /// How many folders are watched.
  public private(set) var watchedFolders = 0
  /// Why not every folder is watched; nil when each is.
  public private(set) var limitation: String?

  /// Begins to watch a folder and everything below it.
  public init(path: String) {
    self.path = path
    descriptor = inotify_init1(Int32(IN_NONBLOCK) | Int32(IN_CLOEXEC))
    if descriptor < 0 { limitation = Self.reason(errno) }
  }

  deinit { if descriptor >= 0 { close(descriptor) } }

  /// Watches the folders that there are now; those that are watched already stay so.
  public func refresh() {
    guard descriptor >= 0 else { return }
    (watchedFolders, limitation) = (0, nil)
    var open = Set<[UInt64]>()
    watch(PathText.bytes(path).map { CChar(bitPattern: $0) }, &open)
  }

  private func watch(_ folder: [CChar], _ seen: inout Set<[UInt64]>) {
    var info = stat()
    guard stat(folder + [0], &info) == 0, info.st_mode & S_IFMT == S_IFDIR,
      seen.insert([UInt64(info.st_dev), UInt64(info.st_ino)]).inserted
    else { return }
    guard inotify_add_watch(descriptor, folder + [0], Self.events) >= 0 else {
      // A folder that may not be read, or is gone by now, is not a limit of the system.
      if [ENOSPC, ENOMEM].contains(errno) { limitation = Self.reason(errno) }
      return
    }
    watchedFolders += 1
    try? Files.forEachName(inFolder: folder + [0]) { name, type in
      // Files are told apart without asking for each, where the file system says what they are.
      guard [Int32(DT_DIR), Int32(DT_LNK), Int32(DT_UNKNOWN)].contains(type) else { return }
      let path = folder + [CChar(bitPattern: UInt8(ascii: "/"))] + name.map { CChar(bitPattern: $0) }
      watch(path, &seen)
    }
  }

  private static let events = [
    IN_CREATE, IN_CLOSE_WRITE, IN_MOVED_FROM, IN_MOVED_TO, IN_DELETE, IN_ATTRIB, IN_DELETE_SELF, IN_MOVE_SELF,
  ].reduce(UInt32(IN_ONLYDIR)) { $0 | UInt32($1) }

  /// Waits until something changes and then for a moment without a change, or until an interval has passed.
  /// - Throws: `CancellationError`.
  public func next(within interval: Duration) async throws -> Reason {
    let deadline = ContinuousClock.now + interval
    while ContinuousClock.now < deadline {
      if var reason = drain() {
        // A file that is copied, or a folder that is unpacked, tells of itself again and again.
        let latest = ContinuousClock.now + Self.longestPause
        var quiet = ContinuousClock.now + Self.pause
        while ContinuousClock.now < min(quiet, latest) {
          try await Task.sleep(for: Self.step)
          if let more = drain() {
            quiet = ContinuousClock.now + Self.pause
            if more == .overflow { reason = more }
          }
        }
        return reason
      }
      try await Task.sleep(for: Self.step)
    }
    return .interval
  }

  private static let step = Duration.milliseconds(100)
  private static let pause = Duration.milliseconds(500)
  private static let longestPause = Duration.seconds(10)

  /// Reads what has happened; nil when nothing has.
  private func drain() -> Reason? {
    guard descriptor >= 0 else { return nil }
    var reason: Reason?
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = buffer.withUnsafeMutableBytes { read(descriptor, $0.baseAddress, $0.count) }
      guard count > 0 else { return reason }
      reason = reason ?? .changed
      var offset = 0
      while offset + Self.headerBytes <= count {
        // wd, mask, cookie, len: four numbers of 32 bits, and a name of len bytes.
        let (mask, length) = buffer.withUnsafeBytes {
          (
            $0.loadUnaligned(fromByteOffset: offset + 4, as: UInt32.self),
            $0.loadUnaligned(fromByteOffset: offset + 12, as: UInt32.self)
          )
        }
        if mask & UInt32(IN_Q_OVERFLOW) != 0 { reason = .overflow }
        offset += Self.headerBytes + Int(length)
      }
    }
  }

  private static let headerBytes = 16

  private static func reason(_ code: Int32) -> String {
    switch code {
    case ENOSPC:
      let limit = try? String(contentsOfFile: "/proc/sys/fs/inotify/max_user_watches", encoding: .utf8)
      return "the system watches at most \((limit ?? "some").filter { !$0.isWhitespace }) folders "
        + "(fs.inotify.max_user_watches)"
    case EMFILE: return "too many programs watch folders (fs.inotify.max_user_instances)"
    default: return String(cString: strerror(code))
    }
  }
}

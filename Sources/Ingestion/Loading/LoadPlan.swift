internal import ImageSources

/// A path as a dictionary's key: by its bytes, for as Strings "é" in one and in two characters are equal, and two files
/// would be one.
struct PathKey: Sendable, Hashable, ExpressibleByStringLiteral {
  private let bytes: [UInt8]

  init(_ path: String) { bytes = Array(path.utf8) }

  init(stringLiteral path: String) { self.init(path) }
}

/// What a load of a folder does with each image, decided from the folder, the journal and the table alone.
///
/// An image is known by its path in the folder and the file's content, never by its position: a folder that grew keeps
/// the ids of the images that were loaded, and new images get ids that are free.
public struct LoadPlan: Sendable, Hashable {
  /// What is known of an image that an earlier run dealt with.
  struct Known: Sendable, Hashable {
    /// The row's id; nil for an image that could not be read.
    var id: Int64?
    /// The file's size in bytes when it was embedded.
    var byteCount: Int
    /// The file's time of modification when it was embedded, in nanoseconds since 1970.
    var modificationTime: Int
    /// Whether the row is in the table.
    var isPresent = true
  }

  /// The ids that are taken, as far as new images need to know.
  struct TakenIDs: Sendable, Hashable {
    /// Whether a position of the folder is the id of a row in the table.
    var includesPositions = false
    /// The largest id in the table; nil for an empty one.
    var largest: Int64?
    /// Ids made of paths that other rows have.
    var paths: Set<Int64> = []
  }

  /// What happens to an image that is in the table.
  enum Treatment: Hashable {
    /// Unchanged images are left alone and changed ones embedded again.
    case follow
    /// Every image is embedded again.
    case embedAgain
    /// The load is refused.
    case refuse
  }

  /// The images in the folder's order.
  let files: [ImageFile]
  /// The id of each image's row; nil for images that could not be read and did not change.
  private(set) var ids: [Int64?]
  /// Positions whose row is in the table already and is replaced.
  private(set) var changed: Set<Int> = []
  /// Positions that get a new row.
  private(set) var new: [Int] = []
  /// Positions whose row is in the table though the journal does not have it yet.
  private(set) var adopted: [Int] = []
  /// Positions that the journal has a row of.
  private(set) var recorded: Set<Int> = []
  /// Positions that are done: unchanged images.
  private(set) var done = DoneRanges()
  /// How many images that were loaded are not in the folder any more.
  private(set) var vanished = 0
  /// Unchanged images without a row, because they could not be read.
  private(set) var unreadable = 0

  /// Plans a load.
  ///
  /// - Parameters:
  ///   - files: the images in the folder.
  ///   - known: what the journal has, by path.
  ///   - present: ids of rows whose source is an image of the folder and that the journal does not have, by path.
  ///   - treatment: what happens to images that are in the table.
  /// - Throws: `LoadError` with code `row` for an image that is in the table where that is refused.
  init(
    files: [ImageFile],
    known: [PathKey: Known],
    present: [PathKey: Int64],
    treatment: Treatment,
    source: String
  ) throws {
    self.files = files
    ids = Array(repeating: nil, count: files.count)
    var unchanged: [Int] = []
    var found = 0
    for (position, file) in files.enumerated() {
      let before = known[PathKey(file.path)]
      found += before?.id == nil ? 0 : 1
      if before != nil { recorded.insert(position) }
      if let before, before.id == nil || before.isPresent {
        ids[position] = before.id
        let isSame =
          before.byteCount == file.byteCount && before.modificationTime == file.modificationTime
        if treatment == .refuse, before.id != nil { throw Self.conflict(file, before.id, source) }
        if isSame, treatment == .follow {
          unchanged.append(position)
          unreadable += before.id == nil ? 1 : 0
        } else if before.id == nil {
          new.append(position)
        } else {
          changed.insert(position)
        }
      } else if let id = present[PathKey(file.path)] {
        ids[position] = id
        if treatment == .refuse { throw Self.conflict(file, id, source) }
        if treatment == .follow {
          unchanged.append(position)
          adopted.append(position)
        } else {
          changed.insert(position)
        }
      } else {
        new.append(position)
      }
    }
    vanished = max(0, known.values.count { $0.id != nil } - found)
    done = DoneRanges(positions: unchanged)
  }

  private static func conflict(_ file: ImageFile, _ id: Int64?, _ source: String) -> LoadError {
    LoadError(
      .row,
      "\(source): \(file.path) is in the table already\(id.map { " (id \($0))" } ?? ""). Fix: --on-conflict skip leaves "
        + "such rows, update embeds the images again"
    )
  }

  /// Gives every new image an id that no row has.
  ///
  /// By position where the positions are free and nothing was loaded before, else numbers above all ids; by path where
  /// that is asked for, with the whole path for a name that another folder's image has taken.
  /// - Throws: `LoadError` with code `row` when no id is free.
  mutating func assignIDs(_ way: ImageIDs, taken: TakenIDs) throws {
    if way == .path {
      for position in new {
        let byPath = ImageIDs.id(ofPath: files[position].pathBytes)
        let id = taken.paths.contains(byPath) ? ImageIDs.id(ofPath: files[position].source.utf8) : byPath
        guard !taken.paths.contains(id) else {
          throw LoadError(
            .row,
            "\(files[position].path): its id \(id) is another row's. Fix: load with --ids position"
          )
        }
        ids[position] = id
      }
      return
    }
    let isFirst = new.count == files.count && !taken.includesPositions
    var next = max(taken.largest ?? -1, -1)
    for position in new {
      if isFirst {
        ids[position] = Int64(position)
        continue
      }
      let (number, overflows) = next.addingReportingOverflow(1)
      guard !overflows else {
        throw LoadError(
          .row,
          "the largest id is \(next), so that no number above it is free. Fix: --ids path"
        )
      }
      ids[position] = number
      next = number
    }
  }

  /// Whether every image is in the table as it is in the folder.
  var isEmpty: Bool { new.isEmpty && changed.isEmpty }

  /// What the journal keeps of an image.
  func image(at position: Int, isReadable: Bool = true) -> JournalImage {
    // A row whose image became unreadable stays.
    let id = isReadable || changed.contains(position) ? ids[position] : nil
    return JournalImage(file: files[position], id: id, isKnown: recorded.contains(position))
  }

  /// Ids that new images would get by their paths: those that may be taken.
  var candidateIDs: [Int64] {
    new.flatMap {
      [ImageIDs.id(ofPath: files[$0].pathBytes), ImageIDs.id(ofPath: files[$0].source.utf8)]
    }
  }
}

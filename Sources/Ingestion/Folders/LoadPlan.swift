internal import Basics
internal import ImageCodecs
internal import ImageSources

/// What a load of a folder does with each image, decided from the folder, the journal and the table alone.
///
/// An image is known by its path in the folder and the file's content, never by its position: a folder that grew keeps
/// the ids of the images that were loaded, and new images get ids that are free. An image that was moved keeps its row,
/// and images with equal content are embedded once.
public struct LoadPlan: Sendable, Hashable {
  /// What happens to an image that is in the table.
  enum Treatment: Hashable {
    /// Unchanged images are left alone and changed ones embedded again.
    case follow
    /// Every image is embedded again.
    case embedAgain
    /// The load is refused.
    case refuse
  }

  /// A row that goes on as the row of another path.
  struct Move: Sendable, Hashable {
    /// The image that has the content now.
    var position: Int
    /// The row.
    var id: ImageID
    /// The path before.
    var path: String
  }

  /// An image that takes its vector from an image of equal content, or from one that it looks like.
  struct Duplicate: Sendable, Hashable {
    /// The image.
    var position: Int
    /// The path of the image with the vector, which is recorded with the same hash by then.
    var original: String
    /// Whether the image has a row, whose vector is replaced.
    var hasRow: Bool
    /// What the image shows, where that and not the content is what makes it a duplicate.
    var phash: PerceptualHash?
  }

  /// The images in the folder's order.
  let files: ImageFiles
  /// The id of each image's row; nil for images that could not be read and did not change.
  var ids: [ImageID?]
  /// Positions whose row is in the table already and that are embedded again.
  private(set) var changed: Set<Int> = []
  /// Positions that are embedded and get a new row.
  private(set) var new: [Int] = []
  /// Positions whose row is in the table though the journal does not have it yet.
  private(set) var adopted: [Int] = []
  /// Rows whose image is at another path now, in an order in which no two rows ever have the same path.
  private(set) var moved: [Move] = []
  /// Images that are not embedded, because an image of equal content is.
  private(set) var duplicates: [Duplicate] = []
  /// Images that get no row, because an image of equal content has one.
  private(set) var skipped: [Duplicate] = []
  /// How many images earlier runs left out as duplicates of images that are as they were.
  private(set) var leftOut = 0
  /// Which images are looked for that look like others.
  let search: DuplicateSearch?
  /// Positions with a row that are decoded for what they show, and not embedded.
  private(set) var examined: Set<Int> = []
  /// What images show that have a vector of their own, by position: others are compared with them.
  private(set) var phashes: [Int: PerceptualHash] = [:]
  /// Positions whose content is the recorded one though size or time of modification are not, or whose hash was not
  /// recorded: the journal is brought up to date.
  private(set) var refreshed: [Int] = []
  /// How many of them were touched: the others were modified just before they were loaded.
  private(set) var touched = 0
  /// Positions whose rows get the source and the hash that they lack.
  private(set) var unidentified: [Int] = []
  /// Images that were loaded and are not in the folder any more.
  private(set) var deleted: [RecordedImage] = []
  /// The hashes of the contents that were read.
  let hashes: [Int: String]
  /// Positions that the journal has a row of.
  private(set) var recorded: [Bool]
  /// Positions that are not embedded.
  private(set) var done = DoneRanges()
  /// Unchanged images without a row, because they could not be read.
  private(set) var unreadable = 0
  /// Images that did not change.
  private(set) var unchanged = 0
  /// How many rows of the folder were in the table.
  let rowsBefore: Int

  /// Plans a load.
  ///
  /// - Parameters:
  ///   - folder: the folder beside the journal.
  ///   - hashes: the contents' hashes, by position, as far as `positionsToHash` asked for them and they could be read.
  ///   - matches: where the journal has these hashes.
  ///   - present: ids of rows whose source is an image of the folder and that the journal does not have, by path.
  ///   - treatment: what happens to images that are in the table.
  ///   - search: which images are looked for that look like others.
  /// - Throws: `LoadError` with code `row` for an image that is in the table where that is refused.
  init(
    _ folder: FolderComparison,
    hashes: [Int: String] = [:],
    matches: [FolderComparison.Match] = [],
    present: [PathKey: ImageID] = [:],
    treatment: Treatment,
    search: DuplicateSearch? = nil,
    source: String
  ) throws {
    files = folder.files
    ids = folder.ids
    recorded = folder.recorded
    rowsBefore = folder.rowCount
    self.hashes = hashes
    self.search = search
    var contents = Contents(folder, matches)
    var duplicatesBefore: [Int] = []
    for position in files.indices {
      if !present.isEmpty, ids[position] == nil, folder.states[position] != .unreadable,
        let id = files.withPath(at: position, { present[PathKey(bytes: Array($0))] })
      {
        ids[position] = id
        if treatment == .follow { adopted.append(position) }
      }
      if let id = ids[position] {
        if treatment == .refuse { throw Self.conflict(files[position], id, source) }
        try checkGiven(id, at: position, source)
      }
      let isRecorded = hashes[position].map { contents.isRecorded($0, at: position) } ?? false
      switch folder.states[position] {
      case .unreadable:
        unreadable += 1
      case .duplicate where ids[position] == nil && (hashes[position] == nil || isRecorded):
        duplicatesBefore.append(position)
      case .recent where ids[position] == nil && isRecorded:
        refreshed.append(position)
        if folder.originals[position] == nil { unreadable += 1 } else { duplicatesBefore.append(position) }
      case _ where ids[position] == nil:
        new.append(position)
      case _ where treatment == .embedAgain:
        changed.insert(position)
      case .new, .duplicate:
        unchanged += 1
      case .changed:
        changed.insert(position)
      case .doubtful, .recent:
        if isRecorded { refresh(position, folder) } else { changed.insert(position) }
      case .unchanged:
        if hashes[position] != nil, !isRecorded { changed.insert(position) } else { unchanged += 1 }
      case .unhashed:
        if hashes[position] != nil { refreshed.append(position) }
        unchanged += 1
      case .returned:
        if hashes[position] != nil, !isRecorded {
          changed.insert(position)
        } else {
          refresh(position, folder)
        }
      }
    }
    if !duplicatesBefore.isEmpty {
      let stillOut = stillLeftOut(duplicatesBefore, folder, treatment)
      leftOut = stillOut.count
      new = (new + duplicatesBefore.filter { !stillOut.contains($0) }).sorted()
    }
    if treatment == .follow {
      moveByGivenID(&contents)
      move(&contents, folder)
    }
    share(contents, treatment)
    if search != nil, treatment == .follow { (phashes, examined) = looks(folder) }
    deleted = contents.vanished.values.sorted { $0.path < $1.path }
    let replaced = changed.union(duplicates.map(\.position))
    unidentified = contents.unidentified.filter { ids[$0] != nil && !replaced.contains($0) }.sorted()
    let decoded = changed.union(new).union(examined)
    done = DoneRanges(positions: files.indices.lazy.filter { !decoded.contains($0) })
  }

  private mutating func refresh(_ position: Int, _ folder: FolderComparison) {
    refreshed.append(position)
    if folder.states[position] == .recent { unchanged += 1 } else { touched += 1 }
  }

  private static func conflict(_ file: ImageFile, _ id: ImageID, _ source: String) -> LoadError {
    LoadError(
      .row,
      "\(source): \(file.path) is in the table already (id \(id)). Fix: --on-conflict skip leaves "
        + "such rows, update embeds the images again"
    )
  }

  /// - Throws: `LoadError` with code `row` when a manifest gives an image another id than its row has.
  private func checkGiven(_ id: ImageID, at position: Int, _ source: String) throws {
    guard let given = files.givenID(at: position), given != id else { return }
    throw LoadError(
      .row,
      "\(source): \(files[position].path) has the id \(given) there and \(id) in the table. Fix: give it the id \(id)"
    )
  }

  /// Rows whose ids a manifest gives to other paths go there, with or without their content.
  private mutating func moveByGivenID(_ contents: inout Contents) {
    guard files.hasGivenIDs else { return }
    var rows: [ImageID: RecordedImage] = [:]
    for image in contents.vanished.values { if let id = image.id { rows[id] = image } }
    var kept: [Int] = []
    for position in new {
      guard let id = files.givenID(at: position), let row = rows[id] else {
        kept.append(position)
        continue
      }
      contents.take(row)
      if row.lacksIdentity { contents.unidentified.insert(position) }
      moved.append(Move(position: position, id: id, path: row.path))
      ids[position] = id
      recorded[position] = true
      if let hash = hashes[position], contents.has(hash, at: row.path) {
        contents.stable[hash] = files[position].path
      } else {
        changed.insert(position)
      }
    }
    new = kept
  }

  /// Gives rows whose path has another content now, or none, to the new images that have theirs.
  private mutating func move(_ contents: inout Contents, _ folder: FolderComparison) {
    var added = Set(new)
    // A row that moves away leaves its own image without one.
    var waiting = new
    var next = 0
    while next < waiting.count {
      let position = waiting[next]
      next += 1
      // An id that a manifest gives is not another row's.
      guard let hash = hashes[position], files.givenID(at: position) == nil else { continue }
      if let row = contents.takeVanished(hash), let id = row.id {
        if row.lacksIdentity { contents.unidentified.insert(position) }
        moved.append(Move(position: position, id: id, path: row.path))
        ids[position] = id
        phashes[position] = row.phash
      } else if let other = contents.takeDisplaced(hash, from: changed), let id = ids[other],
        files.givenID(at: other) == nil
      {
        if contents.unidentified.contains(other) { contents.unidentified.insert(position) }
        moved.append(Move(position: position, id: id, path: files[other].path))
        ids[position] = id
        phashes[position] = folder.phashes[other]
        ids[other] = nil
        changed.remove(other)
        added.insert(other)
        waiting.append(other)
      } else {
        continue
      }
      added.remove(position)
      contents.stable[hash] = files[position].path
    }
    new = added.sorted()
  }

  /// Leaves images out that are equal to one that is in the table, or is embedded.
  private mutating func share(_ contents: Contents, _ treatment: Treatment) {
    var originals = treatment == .follow ? contents.originals(besides: changed.union(new)) : [:]
    var kept: [Int] = []
    for position in (new + changed).sorted() {
      let hasRow = changed.contains(position)
      if let hash = hashes[position] {
        if let original = originals[hash] {
          let duplicate = Duplicate(position: position, original: original, hasRow: hasRow)
          if search?.treatment == .skip, !hasRow {
            skipped.append(duplicate)
          } else {
            duplicates.append(duplicate)
          }
          changed.remove(position)
          continue
        }
        originals[hash] = files[position].path
      }
      if !hasRow { kept.append(position) }
    }
    new = kept
  }

  /// New images, in the folder's order.
  var positionsWithoutID: [Int] {
    (new + duplicates.lazy.filter { !$0.hasRow }.map(\.position)).sorted()
  }

  /// Whether every image is in the table as it is in the folder.
  var isEmpty: Bool {
    embedsNothing && moved.isEmpty && duplicates.isEmpty && skipped.isEmpty && examined.isEmpty
  }

  /// Whether no image has to be embedded.
  var embedsNothing: Bool { new.isEmpty && changed.isEmpty }

  /// Images that an earlier run has dealt with and that did not change.
  var countsBefore: LoadCounts {
    LoadCounts(loaded: 0, skipped: unchanged + touched + moved.count, replaced: 0, unreadable: unreadable)
  }

  /// Images whose rows are to go, or to be flagged.
  func retired(_ treatment: DeletedImages, isConfirmed: Bool) -> [RecordedImage] {
    switch treatment {
    case .keep: []
    case .flag: deleted.filter { !$0.isMissing }
    case .delete: deletesMany && !isConfirmed ? [] : deleted
    }
  }

  /// Whether so many images are gone that a folder which is not mounted is more likely than a clean-up: more than a
  /// tenth, or all.
  var deletesMany: Bool { !deleted.isEmpty && (deleted.count * 10 > rowsBefore || files.isEmpty) }

  /// What the journal keeps of an image.
  func image(at position: Int, isReadable: Bool = true, hash: String? = nil) -> JournalImage {
    // A row whose image became unreadable stays.
    let id = isReadable || changed.contains(position) || examined.contains(position) ? ids[position] : nil
    return JournalImage(
      file: files[position],
      id: id,
      isKnown: recorded[position],
      hash: hash,
      isSettled: isReadable || hash != nil
    )
  }
}

/// Which recorded rows have a content.
private struct Contents {
  /// Rows of images that are not in the folder, by path.
  private(set) var vanished: [PathKey: RecordedImage]
  /// Paths of rows that took another path in this plan, by their hashes.
  var stable: [String: String] = [:]
  /// Images whose rows lack a source or a hash, wherever the rows are from.
  var unidentified: Set<Int>

  private let folder: FolderComparison
  private let unseen: Set<PathKey>
  private var paths: [String: [String]]

  init(_ folder: FolderComparison, _ matches: [FolderComparison.Match]) {
    self.folder = folder
    unidentified = Set(folder.unidentified)
    vanished = Dictionary(
      folder.vanished.map { (PathKey($0.path), $0) },
      uniquingKeysWith: { first, _ in first }
    )
    unseen = Set(folder.unseen.map { PathKey($0.path) })
    paths = Dictionary(grouping: matches, by: \.hash).mapValues { $0.map(\.path).sorted() }
  }

  func isRecorded(_ hash: String, at position: Int) -> Bool {
    paths[hash]?.contains { folder.position(of: $0) == position } ?? false
  }

  /// Whether a path has a content.
  func has(_ hash: String, at path: String) -> Bool {
    paths[hash]?.contains { PathKey($0) == PathKey(path) } ?? false
  }

  /// Takes the row of an image that is gone.
  mutating func take(_ image: RecordedImage) { vanished[PathKey(image.path)] = nil }

  /// The row of an image that is gone.
  mutating func takeVanished(_ hash: String) -> RecordedImage? {
    for path in paths[hash] ?? [] {
      if let image = vanished.removeValue(forKey: PathKey(path)) { return image }
    }
    return nil
  }

  /// An image whose row has a content that is not its own any more.
  func takeDisplaced(_ hash: String, from changed: Set<Int>) -> Int? {
    (paths[hash] ?? []).lazy.compactMap { folder.position(of: $0) }.first { changed.contains($0) }
  }

  /// A path whose row has each content, and keeps it.
  func originals(besides embedded: Set<Int>) -> [String: String] {
    var originals = stable
    for (hash, paths) in paths where originals[hash] == nil {
      originals[hash] = paths.first { path in
        guard let position = folder.position(of: path) else {
          return vanished[PathKey(path)] != nil || unseen.contains(PathKey(path))
        }
        return folder.ids[position] != nil && folder.states[position] != .unreadable
          && !embedded.contains(position)
      }
    }
    return originals
  }
}

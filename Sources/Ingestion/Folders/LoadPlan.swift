internal import Basics
internal import ImageCodecs
internal import ImageSources

/// What a load of a folder does with each image, decided from the folder, the journal and the table alone.
///
/// An image is known by its path in the folder and the file's content, never by its position: a folder that grew keeps
/// the ids of the images that were loaded, and new images get ids that are free. An image that was moved keeps its row,
/// and images with equal content are embedded once.
public struct LoadPlan: Sendable {
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
  var ids: RowIDs
  /// Positions whose row is in the table already and that are embedded again.
  private(set) var changed = PositionSet()
  /// Positions that are embedded and get a new row.
  private(set) var new = PositionSet()
  /// Positions whose row is in the table though the journal does not have it yet.
  private(set) var adopted = PositionSet()
  private var moves = Moves()
  private let paths: RecordedPaths
  /// Images that are not embedded, because an image of equal content is.
  private(set) var duplicates: Duplicates
  /// Images that get no row, because an image of equal content has one.
  private(set) var skipped: Duplicates
  /// How many images earlier runs left out as duplicates of images that are as they were.
  private(set) var leftOut = 0
  /// Which images are looked for that look like others.
  let search: DuplicateSearch?
  /// Positions with a row that are decoded for what they show, and not embedded.
  private(set) var examined = PositionSet()
  /// What images show that have a vector of their own, by position: others are compared with them.
  private(set) var phashes: [Int: PerceptualHash] = [:]
  /// Positions whose content is the recorded one though size or time of modification are not, or whose hash was not
  /// recorded: the journal is brought up to date.
  private(set) var refreshed = PositionSet()
  /// How many of them were touched: the others were modified just before they were loaded.
  private(set) var touched = 0
  /// Positions whose rows get the source and the hash that they lack.
  private(set) var unidentified = PositionSet()
  /// Images that were loaded and are not in the folder any more, in the order of their paths.
  private(set) var deleted = RecordedImages()
  /// The contents that were read.
  let contents: ImageContents
  /// Positions that the journal has a row of.
  private(set) var recorded: PositionSet
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
  ///   - contents: what was read of the images that `positionsToHash` asked for, and where the journal has it.
  ///   - present: ids of rows whose source is an image of the folder and that the journal does not have, by position; nil for none.
  ///   - treatment: what happens to images that are in the table.
  ///   - search: which images are looked for that look like others.
  /// - Throws: `LoadError` with code `row` for an image that is in the table where that is refused.
  init(
    _ folder: FolderComparison,
    contents: ImageContents = ImageContents(),
    present: RowIDs? = nil,
    treatment: Treatment,
    search: DuplicateSearch? = nil,
    source: String
  ) throws {
    files = folder.files
    ids = folder.ids
    recorded = folder.recorded
    rowsBefore = folder.rowCount
    paths = folder.paths
    (duplicates, skipped) = (Duplicates(paths), Duplicates(paths))
    self.contents = contents
    self.search = search
    var owners = ContentOwners(folder, contents)
    var duplicatesBefore = PositionSet()
    for position in files.indices {
      if let present, !ids.hasID(at: position), folder.states[position] != .unreadable,
        let id = present[position]
      {
        ids[position] = id
        if treatment == .follow { adopted.insert(position) }
      }
      if treatment == .refuse || files.hasGivenIDs, let id = ids[position] {
        if treatment == .refuse { throw Self.conflict(files[position], id, source) }
        try checkGiven(id, at: position, source)
      }
      let hasRow = ids.hasID(at: position)
      let wasRead = contents[position] != nil
      let isRecorded = contents.isRecorded(at: position)
      switch folder.states[position] {
      case .unreadable:
        unreadable += 1
      case .duplicate where !hasRow && (!wasRead || isRecorded):
        duplicatesBefore.insert(position)
      case .recent where !hasRow && isRecorded:
        refreshed.insert(position)
        if folder.originals[position] == nil { unreadable += 1 } else { duplicatesBefore.insert(position) }
      case _ where !hasRow:
        new.insert(position)
      case _ where treatment == .embedAgain:
        changed.insert(position)
      case .new, .duplicate:
        unchanged += 1
      case .changed:
        changed.insert(position)
      case .doubtful, .recent:
        if isRecorded { refresh(position, folder) } else { changed.insert(position) }
      case .unchanged:
        if wasRead, !isRecorded { changed.insert(position) } else { unchanged += 1 }
      case .unhashed:
        if wasRead { refreshed.insert(position) }
        unchanged += 1
      case .returned:
        if wasRead, !isRecorded {
          changed.insert(position)
        } else {
          refresh(position, folder)
        }
      }
    }
    if !duplicatesBefore.isEmpty {
      let stillOut = stillLeftOut(duplicatesBefore, folder, treatment)
      leftOut = stillOut.count
      for position in duplicatesBefore where !stillOut.contains(position) { new.insert(position) }
    }
    if treatment == .follow {
      moveByGivenID(&owners, folder)
      move(&owners, folder)
    }
    share(owners, treatment)
    if search != nil, treatment == .follow { (phashes, examined) = looks(folder) }
    deleted = owners.deleted
    for position in owners.unidentified
    where ids.hasID(at: position) && !changed.contains(position) && !duplicates.members.contains(position) {
      unidentified.insert(position)
    }
    let decoded = changed.union(new).union(examined)
    done = DoneRanges(positions: files.indices.lazy.filter { !decoded.contains($0) })
  }

  private mutating func refresh(_ position: Int, _ folder: FolderComparison) {
    refreshed.insert(position)
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
  private mutating func moveByGivenID(_ owners: inout ContentOwners, _ folder: FolderComparison) {
    guard files.hasGivenIDs else { return }
    var rows: [ImageID: Int] = [:]
    for (index, image) in folder.vanished.enumerated() { if let id = image.id { rows[id] = index } }
    for position in new {
      guard let id = files.givenID(at: position), let index = rows[id] else { continue }
      let row = owners.take(at: index)
      new.remove(position)
      if row.lacksIdentity { owners.unidentified.insert(position) }
      moves.append(position, from: .vanished(index))
      ids[position] = id
      recorded.insert(position)
      if let content = contents[position], owners.has(content, vanished: index) {
        owners.keep(content, at: position)
      } else {
        changed.insert(position)
      }
    }
  }

  /// Gives rows whose path has another content now, or none, to the new images that have theirs.
  private mutating func move(_ owners: inout ContentOwners, _ folder: FolderComparison) {
    // An id that a manifest gives is not another row's.
    func mayMove(_ position: Int) -> Bool {
      contents[position].map { owners.hasPlace($0) } ?? false && files.givenID(at: position) == nil
    }
    var first = new.makeIterator()
    // A row that moves away leaves its own image without one.
    var (waiting, next) = ([Int](), 0)
    func nextWaiting() -> Int? {
      if let position = first.next() { return position }
      next += 1
      return next <= waiting.count ? waiting[next - 1] : nil
    }
    while let position = nextWaiting() {
      guard mayMove(position), let content = contents[position] else { continue }
      if let index = owners.takeVanished(content) {
        let row = owners.take(at: index)
        guard let id = row.id else { continue }
        if row.lacksIdentity { owners.unidentified.insert(position) }
        moves.append(position, from: .vanished(index))
        ids[position] = id
        phashes[position] = row.phash
      } else if let other = owners.takeDisplaced(content, from: changed), let id = ids[other],
        files.givenID(at: other) == nil
      {
        if owners.unidentified.contains(other) { owners.unidentified.insert(position) }
        moves.append(position, from: .image(other))
        ids[position] = id
        phashes[position] = folder.phashes[other]
        ids[other] = nil
        changed.remove(other)
        new.insert(other)
        if mayMove(other) { waiting.append(other) }
      } else {
        continue
      }
      new.remove(position)
      owners.keep(content, at: position)
    }
  }

  /// Leaves images out that are equal to one that is in the table, or is embedded.
  private mutating func share(_ owners: ContentOwners, _ treatment: Treatment) {
    let embedded = changed.union(new)
    // Which image of each content is embedded here, or has a row with it already.
    var originals = [RecordedPaths.Place?](repeating: nil, count: contents.count)
    for position in embedded {
      guard let content = contents[position] else { continue }
      let hasRow = changed.contains(position)
      let known =
        originals[content]
        ?? (treatment == .follow ? owners.original(of: content, besides: embedded) : nil)
      originals[content] = known ?? .image(position)
      guard let original = known else { continue }
      changed.remove(position)
      new.remove(position)
      if search?.treatment == .skip, !hasRow {
        skipped.append(position, original, hasRow: hasRow)
      } else {
        duplicates.append(position, original, hasRow: hasRow)
      }
    }
  }

  /// Rows whose image is at another path now, in an order in which no two rows ever have the same path.
  var moved: LazyMapCollection<Range<Int>, Move> {
    moves.positions.indices.lazy.map { [moves, ids, paths] index in
      let position = Int(moves.positions[index])
      // A row without an id does not move.
      return Move(position: position, id: ids[position] ?? 0, path: paths[moves.origins[index]])
    }
  }

  /// The numbers of those rows in the order of their new paths.
  var movesInOrder: [Int32] {
    let numbers = moves.positions.indices.map { Int32(truncatingIfNeeded: $0) }
    return moves.isInOrder
      ? numbers : numbers.sorted { moves.positions[Int($0)] < moves.positions[Int($1)] }
  }

  /// Images that get a row.
  var positionsWithoutID: PositionSet { new.union(duplicates.positionsWithoutRow) }

  /// Whether every image is in the table as it is in the folder.
  var isEmpty: Bool {
    embedsNothing && moves.positions.isEmpty && duplicates.isEmpty && skipped.isEmpty && examined.isEmpty
  }

  /// Whether no image has to be embedded.
  var embedsNothing: Bool { new.isEmpty && changed.isEmpty }

  /// Images that an earlier run has dealt with and that did not change.
  var countsBefore: LoadCounts {
    LoadCounts(
      loaded: 0,
      skipped: unchanged + touched + moves.positions.count,
      replaced: 0,
      unreadable: unreadable
    )
  }

  /// Images whose rows are to go, or to be flagged.
  func retired(_ treatment: DeletedImages, isConfirmed: Bool) -> RecordedImages {
    switch treatment {
    case .keep: RecordedImages()
    case .flag: deleted.unflagged
    case .delete: deletesMany && !isConfirmed ? RecordedImages() : deleted
    }
  }

  /// Whether more than a tenth of the images, or all, are gone: a folder that is not mounted is more likely than a clean-up then.
  var deletesMany: Bool { !deleted.isEmpty && (deleted.count * 10 > rowsBefore || files.isEmpty) }

  /// What the journal keeps of an image.
  func image(at position: Int, isReadable: Bool = true, hash: String? = nil) -> JournalImage {
    // A row whose image became unreadable stays.
    let id = isReadable || changed.contains(position) || examined.contains(position) ? ids[position] : nil
    return JournalImage(
      file: files[position],
      id: id,
      isKnown: recorded.contains(position),
      hash: hash,
      isSettled: isReadable || hash != nil
    )
  }
}

extension LoadPlan {
  /// Where rows move from and to: eight bytes each.
  private struct Moves: Sendable {
    private(set) var positions: [Int32] = []
    private(set) var origins: [RecordedPaths.Place] = []
    private(set) var isInOrder = true

    mutating func append(_ position: Int, from origin: RecordedPaths.Place) {
      if let last = positions.last, last > position { isInOrder = false }
      positions.append(Int32(truncatingIfNeeded: position))
      origins.append(origin)
    }
  }
}

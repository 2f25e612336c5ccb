internal import Basics
internal import ImageCodecs
internal import ImageSearch
internal import ImageSources
internal import PostgresClient
internal import VectorSQL

/// What the journal keeps of an image.
struct JournalImage: Sendable, Hashable {
  var file: ImageFile
  /// Nil for an image that could not be read, or is left out as a duplicate.
  var id: ImageID?
  /// Whether the journal may have a row of it that has to be replaced.
  var isKnown: Bool
  /// The SHA-256 of the content; nil where it could not be taken.
  var hash: String?
  /// What the image shows; nil where it was not looked at.
  var phash: PerceptualHash?
  /// The path of the image that this one is equal to, or looks like.
  var duplicateOf: String?

  /// Whether what became of the image is due to its content: a disk that was away, or a right that was missing, may be
  /// there the next time without the file being another.
  var isSettled = true

  /// The file's time of modification where a later modification would show in it and nothing else can change, else 0.
  var recordedTime: Int64 { file.isRecent || !isSettled ? 0 : Int64(file.modificationTime) }
}

/// What the journal has of an image that an earlier run dealt with.
struct RecordedImage: Sendable, Hashable {
  /// The path in the folder, as `PathText` has it.
  var path: String
  /// The row's id; nil for an image that could not be read, or is left out as a duplicate.
  var id: ImageID?
  /// The file's size in bytes when it was embedded.
  var byteCount: Int
  /// The file's time of modification when it was embedded, in nanoseconds since 1970; 0 where a later modification could
  /// have had the same time, so that the content has to be compared.
  var modificationTime: Int
  /// When the file's name, rights or content had last changed then, in nanoseconds since 1970; 0 where that is not known.
  var statusChangeTime = 0
  /// Whether the row is in the table.
  var isPresent = true
  /// Whether the content's hash is recorded.
  var hasHash = false
  /// Whether the image was flagged as missing from its folder.
  var isMissing = false
  /// Whether its row lacks a source or a hash that is known.
  var lacksIdentity = false
  /// What the image shows, where it was looked at.
  var phash: PerceptualHash?
  /// The path of the image that it is a duplicate of.
  var duplicateOf: String?
}

/// Recorded images that have a row, packed: of a long list, each takes some ten bytes of memory and its id. Of their contents nothing is
/// kept.
struct RecordedImages: RandomAccessCollection, Sendable {
  private var files: ImageFiles
  private var ids = RowIDs()
  private var missing = PositionSet()
  private var unidentified = PositionSet()
  private var phashes: [Int: PerceptualHash] = [:]
  /// The images' numbers in the order in which they are given.
  private var order: [Int32] = []
  /// Where each path is, once nothing is added any more.
  private var index: PathIndex?

  /// No image.
  /// - Parameter images: of how many the paths are kept in memory.
  init(inMemory images: Int = 1 << 16) {
    files = ImageFiles([], blocksInMemory: images / ImageFiles.imagesInBlock)
  }

  var startIndex: Int { 0 }
  var endIndex: Int { order.count }

  /// Adds an image with a row in the table.
  mutating func append(_ image: RecordedImage) {
    let number = files.count
    files.append(
      ImageFile(
        folder: "",
        path: image.path,
        FileState(
          byteCount: image.byteCount,
          modificationTime: image.modificationTime
        )
      )
    )
    ids[number] = image.id
    if image.isMissing { missing.insert(number) }
    if image.lacksIdentity { unidentified.insert(number) }
    phashes[number] = image.phash
    order.append(Int32(truncatingIfNeeded: number))
    index = nil
  }

  subscript(index: Int) -> RecordedImage {
    let number = Int(order[index])
    let file = files[number]
    return RecordedImage(
      path: file.path,
      id: ids[number],
      byteCount: file.byteCount,
      modificationTime: file.modificationTime,
      isMissing: missing.contains(number),
      lacksIdentity: unidentified.contains(number),
      phash: phashes[number]
    )
  }

  /// Lends the bytes of an image's path.
  func withPath<Result>(at index: Int, _ body: (UnsafeRawBufferPointer) -> Result) -> Result {
    files.withPath(at: Int(order[index]), body)
  }

  /// Those at some indices, in the order of their paths' bytes.
  func sorted(besides taken: PositionSet) -> RecordedImages {
    var sorted = self
    if !taken.isEmpty { sorted.order = indices.lazy.filter { !taken.contains($0) }.map { order[$0] } }
    // Those of a sorted list are in their order: they are numbered as they came.
    if !files.isSorted { sorted.sort() }
    return sorted
  }

  private mutating func sort() {
    order.sort { left, right in
      files.withPath(at: Int(left)) { left in
        files.withPath(at: Int(right)) { left.lexicographicallyPrecedes($0) }
      }
    }
  }

  /// Those that are not flagged as missing.
  var unflagged: RecordedImages {
    var unflagged = self
    unflagged.order = order.filter { !missing.contains(Int($0)) }
    return unflagged
  }

  /// Prepares for paths that are looked for.
  mutating func prepareForPaths() { index = PathIndex(files) }

  /// The number of a path, before anything is sorted; nil for one that is not recorded.
  func position(of path: [UInt8]) -> Int? { (index ?? PathIndex(files)).position(of: path, in: files) }
}

/// Where in a list each path is. A sorted list is searched; another one takes a hash table of positions, at most twelve bytes a path.
struct PathIndex: Sendable {
  /// Empty for a sorted list.
  private var slots: [Int32] = []

  init(_ files: ImageFiles) {
    guard !files.isSorted else { return }
    var size = 16
    while size < files.count + files.count / 2 { size *= 2 }
    slots = Array(repeating: -1, count: size)
    for position in files.indices {
      files.withPath(at: position) { path in
        var slot = Self.slot(path, size)
        while slots[slot] >= 0 { slot = (slot + 1) & (size - 1) }
        slots[slot] = Int32(truncatingIfNeeded: position)
      }
    }
  }

  func position(of path: [UInt8], in files: ImageFiles) -> Int? {
    if slots.isEmpty { return files.sortedPosition(of: path) }
    return path.withUnsafeBytes { path in
      var slot = Self.slot(path, slots.count)
      while slots[slot] >= 0 {
        let position = Int(slots[slot])
        if files.withPath(at: position, { $0.elementsEqual(path) }) { return position }
        slot = (slot + 1) & (slots.count - 1)
      }
      return nil
    }
  }

  private static func slot(_ path: UnsafeRawBufferPointer, _ size: Int) -> Int {
    var hasher = Hasher()
    hasher.combine(bytes: path)
    return hasher.finalize() & (size - 1)
  }
}

// The table of a folder's images: a row for each, with its path, its row's id, and what its file was then.
extension LoadJournal {
  /// Streams the images that earlier runs of a folder's load dealt with, and whether their rows are in the table.
  ///
  /// They come in the order of their paths' bytes, as the list of a folder does: those that are compared with each other lie together.
  /// - Parameter target: nil does not look for the rows, and takes them for present.
  func readImages(
    _ connection: PostgresConnection,
    target: TargetTable?,
    _ body: @escaping @Sendable (RecordedImage) -> Void
  ) async throws {
    let layout = try await layout(connection)
    guard layout >= .version2 else { return }
    let content: SQL =
      layout < .version3 ? "false, false" : "i.content_hash IS NOT NULL, i.missing_since IS NOT NULL"
    let text: SQL = layout < .version4 ? "NULL::text" : "i.id_text"
    let looks: SQL = layout < .version5 ? "NULL::bigint, NULL::text" : "i.phash, i.duplicate_of"
    let status: SQL = layout < .current ? "0::bigint" : "coalesce(i.status_changed_at, 0)"
    var (join, lacksIdentity): (SQL, SQL) = ("true FROM \(table: images) i", "false")
    if let target, !target.catalog.hasRowSecurity {
      let (id, source, hash) = (target.target.idColumn, target.target.sourceColumn, target.target.hashColumn)
      // An id that was freed may be another image's now: the source tells.
      let sameSource: SQL =
        target.hasSource
        ? " AND coalesce(right(t.\(id: source), length(i.path)) = i.path OR i.path LIKE 'file:%', true)"
        : .empty
      let key: SQL =
        target.idIsNumber ? "i.id" : target.idIsUUID ? "\(text)::uuid" : "coalesce(\(text), i.id::text)"
      join = """
        t.\(id: id) IS NOT NULL FROM \(table: images) i LEFT JOIN \(table: target.catalog.name) t
          ON t.\(id: id) = \(key)\(sameSource)
        """
      var missing: [SQL] = target.hasSource ? ["t.\(id: source) IS NULL"] : []
      if target.hasHash, layout >= .version3 {
        missing.append("t.\(id: hash) IS NULL AND i.content_hash IS NOT NULL")
      }
      if !missing.isEmpty { lacksIdentity = missing.joined(separator: " OR ") }
    }
    let query: SQL = """
      SELECT i.path, i.id, \(text), i.byte_count, i.modified_at, \(status), \(content), \(looks), \(lacksIdentity),
        \(join)
      WHERE i.load_key = \(key) ORDER BY i.path COLLATE "C"
      """
    try await connection.forEachRow(try query.rendered()) { row in
      let (
        path, number, text, byteCount, modified, status, hasHash, isMissing, phash, original, lacksIdentity,
        isPresent
      ) =
        try row.decode(
          String.self,
          Int64?.self,
          String?.self,
          Int.self,
          Int.self,
          Int.self,
          Bool.self,
          Bool.self,
          Int64?.self,
          String?.self,
          Bool.self,
          Bool.self
        )
      body(
        RecordedImage(
          path: path,
          id: text.map { ImageID($0) } ?? number.map { ImageID($0) },
          byteCount: byteCount,
          modificationTime: modified,
          statusChangeTime: status,
          isPresent: isPresent,
          hasHash: hasHash,
          isMissing: isMissing,
          lacksIdentity: lacksIdentity,
          phash: phash.map { PerceptualHash(bits: UInt64(bitPattern: $0)) },
          duplicateOf: original
        )
      )
    }
  }

  /// Streams where contents are recorded.
  func readMatches(
    _ hashes: [String],
    _ connection: PostgresConnection,
    _ body: @escaping @Sendable (FolderComparison.Match) -> Void
  ) async throws {
    guard try await layout(connection) >= .version3 else { return }
    let query: SQL = """
      SELECT content_hash, path FROM \(table: images) WHERE load_key = \(key) AND content_hash = ANY (\(hashes))
      """
    try await connection.forEachRow(try query.rendered()) { row in
      let (hash, path) = try row.decode(String.self, String.self)
      body(FolderComparison.Match(hash: hash, path: path))
    }
  }

  /// Writes down images whose rows are in the table though no record of them is.
  func adopt(_ plan: LoadPlan, _ connection: PostgresConnection) async throws {
    var positions = plan.adopted.makeIterator()
    while true {
      let images = (0..<Self.imagesPerStatement).compactMap { _ in positions.next() }.map {
        plan.image(at: $0, hash: plan.contents.hash(at: $0))
      }
      if images.isEmpty { return }
      try await connection.pipeline(try imageStatements(images).map { try $0.rendered() })
    }
  }

  private static let imagesPerStatement = 500

  /// Writes images down; to be sent with bound values, or with constants in a message of several statements.
  func imageStatements(_ written: [JournalImage]) throws -> [SQL] {
    guard !written.isEmpty else { return [] }
    let insertion = InsertStatement(
      into: images,
      columns: [
        "load_key", "path", "id", "byte_count", "modified_at", "content_hash", "id_text", "phash",
        "duplicate_of", "status_changed_at",
      ]
    )
    let rows = written.map { image in
      let values: [SQLValue] = [
        .text(key), .text(image.file.path), (image.id?.number).sqlValue, .int8(Int64(image.file.byteCount)),
        .int8(image.recordedTime), image.hash.sqlValue,
        image.id.flatMap { $0.number == nil ? $0.description : nil }.sqlValue,
        image.phash.map { Int64(bitPattern: $0.bits) }.sqlValue, image.duplicateOf.sqlValue,
        .int8(Int64(image.file.statusChangeTime)),
      ]
      return values.map(InsertStatement.Cell.value)
    }
    let insert = try insertion.unnested(rows: rows, for: .pgvector)
    let known = written.filter(\.isKnown).map(\.file.path)
    if known.isEmpty { return [insert] }
    return ["DELETE FROM \(table: images) WHERE load_key = \(key) AND path = ANY (\(known))", insert]
  }
}

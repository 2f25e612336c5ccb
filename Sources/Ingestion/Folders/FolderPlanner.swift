internal import Basics
internal import ImageSearch
internal import ImageSources
internal import PostgresClient
internal import VectorSQL

/// Reads what the plan of a folder is made from.
struct FolderPlanner: Sendable {
  let job: LoadJob
  let table: TargetTable
  let journal: LoadJournal?
  let connection: PostgresConnection

  func plan(
    _ files: ImageFiles,
    _ earlier: LoadRecord?,
    _ policy: LoadOptions.ConflictPolicy,
    _ fingerprint: String,
    _ warnings: inout [String]
  ) async throws -> LoadPlan {
    let record = earlier?.tableOID == table.catalog.oid ? earlier : nil
    let restarts = job.options.continuation == .restart
    let treatment: LoadPlan.Treatment =
      !restarts && record != nil
      ? .follow : [.fail: .refuse, .skip: .follow, .update: .embedAgain][policy] ?? .refuse
    let comparison = StateLock(
      FolderComparison(
        files: files,
        unseen: await job.source.unseenPaths(),
        isLimited: job.source.isLimited,
        comparesLooks: job.options.duplicates != nil,
        keepsIDs: treatment != .follow || job.options.hashesAll || job.options.duplicates != nil
          || files.hasGivenIDs
      )
    )
    var needsSources = record == nil || restarts
    if let record, record.version == 1 {
      if record.fingerprint == fingerprint {
        let images = try await version1(record, files)
        comparison.withLock { folder in images.forEach { folder.add($0) } }
      } else if table.hasSource || !table.hasRows {
        needsSources = true
      } else {
        throw LoadError(
          .resume,
          "\(job.source.name) changed since version 1 of adbvec loaded it, and neither its record nor the table says which "
            + "row is which image. Fix: load the folder into another table"
        )
      }
    } else if record != nil, let journal {
      try await journal.readImages(connection, target: table) { image in
        comparison.withLock { $0.add(image) }
      }
    }
    let folder = comparison.withLock { folder in
      folder.settle(isComplete: record?.isFinished ?? true)
      return folder
    }
    let known = folder.recordedCount
    if let record, !record.isFinished, job.options.continuation == .ask, known > 0 {
      throw LoadError(
        .resume,
        "a load of \(job.source.name) into this table stopped after \(known) images. Fix: go on with --resume"
      )
    }
    let present =
      !table.hasRows || !table.hasSource
      ? nil : needsSources ? try await sources(folder) : try await sources(ofNewIn: folder)
    if record == nil, table.hasRows, !table.hasSource, policy != .fail {
      warnings.append(
        "\(table.target.table.quoted) has no column \(table.target.sourceColumn.quoted), so that images whose rows this "
          + "journal does not know cannot be recognised; they are loaded as new ones"
      )
    }
    var plan = try LoadPlan(
      folder,
      // Without a journal nothing says whose content is whose.
      contents: journal == nil ? ImageContents() : try await contents(folder, isRecorded: record != nil),
      present: present,
      treatment: treatment,
      search: job.options.duplicates,
      source: job.source.name
    )
    if !plan.deleted.isEmpty, job.options.deleted == .keep {
      let count = plan.deleted.count
      warnings.append(
        "\(count) \(count == 1 ? "image" : "images") loaded before \(count == 1 ? "is" : "are") not in \(job.source.name) "
          + "any more; the rows stay"
      )
    }
    if treatment == .follow, !plan.changed.isEmpty {
      job.onEvent(
        .step(
          "\(plan.changed.count) \(plan.changed.count == 1 ? "image has" : "images have") changed since the load and "
            + "\(plan.changed.count == 1 ? "is" : "are") embedded again"
        )
      )
    }
    if !plan.positionsWithoutID.isEmpty {
      try plan.assignIDs(numbering, taken: try await takenIDs(plan))
    }
    return plan
  }

  /// Reads the contents that have to be compared, several at a time, and where the journal has them.
  private func contents(_ folder: FolderComparison, isRecorded: Bool) async throws -> ImageContents {
    let read = await read(folder.positionsToHash(all: job.options.hashesAll), folder.files)
    guard isRecorded, let journal else { return read }
    let contents = StateLock(read)
    for start in stride(from: 0, to: read.count, by: Self.hashesAtOnce) {
      let hashes = (start..<min(start + Self.hashesAtOnce, read.count)).map { read.hash($0) }
      try await journal.readMatches(hashes, connection) { match in
        contents.withLock { $0.add(match, folder) }
      }
    }
    return contents.withLock { $0 }
  }

  private func read(_ positions: PositionSet, _ files: ImageFiles) async -> ImageContents {
    await withTaskGroup(of: [(position: Int, hash: String)].self) { group in
      var (contents, running) = (ImageContents(), 0)
      if !positions.isEmpty { contents.reserve(files.count) }
      var positions = positions.makeIterator()
      while true {
        let portion = (0..<Self.filesAtOnce).compactMap { _ in positions.next() }
        if !portion.isEmpty {
          running += 1
          group.addTask {
            portion.compactMap { position in
              Task.isCancelled ? nil : files[position].contentHash().map { (position, $0) }
            }
          }
          if running < Self.readers { continue }
        }
        guard let found = await group.next() else { return contents }
        running -= 1
        for (position, hash) in found { contents.insert(hash, at: position) }
      }
    }
  }

  private static let readers = 4
  /// Files that a reader takes at once.
  private static let filesAtOnce = 64
  /// Hashes, or ids, that are asked for in one statement.
  private static let hashesAtOnce = 10_000

  /// What a record of version 1 says of the images: their positions in an unchanged folder, which were their ids.
  private func version1(_ record: LoadRecord, _ files: ImageFiles) async throws -> [RecordedImage] {
    let ids = try await Set(
      connection.query(
        sql: "SELECT \(table.idValue) FROM \(table: table.catalog.name)"
      ).compactMap { try table.id($0, at: 0) }
    )
    let byPath = record.recipe.hasSuffix("ids by path")
    var known: [RecordedImage] = []
    for (position, file) in files.enumerated() where record.done.range(holding: position) != nil {
      let id = ImageID(byPath ? ImageIDs.id(ofPath: file.pathBytes) : Int64(position))
      known.append(
        RecordedImage(
          path: file.path,
          id: id,
          byteCount: file.byteCount,
          modificationTime: file.modificationTime,
          isPresent: ids.contains(id)
        )
      )
    }
    return known
  }

  /// Ids of rows whose source is one of the files.
  private func sources(_ folder: FolderComparison) async throws -> RowIDs {
    try await ids(folder, "IS NOT NULL")
  }

  /// Ids of rows whose source is an image that this folder's journal does not know: a folder that holds this one, or lies
  /// in it, may have loaded it.
  private func sources(ofNewIn folder: FolderComparison) async throws -> RowIDs? {
    guard table.findsSources else { return nil }
    var new = folder.files.indices.lazy.filter { folder.states[$0] == .new }.makeIterator()
    var found: RowIDs?
    while true {
      let files = (0..<Self.hashesAtOnce).compactMap { _ in new.next() }.map { folder.files[$0] }
      let texts = files.flatMap { Set([$0.source, $0.resolvedSource]) }
      guard !texts.isEmpty else { return found }
      let rows = try await ids(folder, "= ANY (\(texts))", found)
      found = rows
    }
  }

  /// Ids of rows whose source meets a condition, by the position of the image in the folder.
  private func ids(
    _ folder: FolderComparison,
    _ condition: SQL,
    _ known: RowIDs? = nil
  ) async throws -> RowIDs {
    let source = table.target.sourceColumn
    let query: SQL =
      "SELECT \(id: source), \(table.idValue) FROM \(table: table.catalog.name) WHERE \(id: source) \(condition)"
    let found = StateLock(known ?? RowIDs())
    try await connection.forEachRow(try query.rendered()) { [table] row in
      guard let position = folder.position(ofSource: try row.value(at: 0, as: String.self)),
        let id = try table.id(row, at: 1)
      else { return }
      found.withLock { $0[position] = id }
    }
    return found.withLock { $0 }
  }

  /// Ids that are not numbers cannot be counted on from the largest.
  private var numbering: ImageIDs { table.idIsNumber ? job.source.imageIDs : .path }

  private func takenIDs(_ plan: LoadPlan) async throws -> LoadPlan.TakenIDs {
    var taken = LoadPlan.TakenIDs(areUUIDs: table.idIsUUID)
    guard table.hasRows else { return taken }
    let (id, name) = (table.target.idColumn, table.catalog.name)
    let type: SQL = table.idIsNumber ? "int8" : table.idIsUUID ? "uuid" : "text"
    var positions = plan.positionsWithoutID.makeIterator()
    while numbering == .path || plan.files.hasGivenIDs {
      let portion = (0..<Self.hashesAtOnce).compactMap { _ in positions.next() }
      guard !portion.isEmpty else { break }
      let wanted = plan.candidateIDs(portion, numbering, areUUIDs: table.idIsUUID).map(\.description)
      let rows = try await connection.query(
        sql: "SELECT \(table.idValue) FROM \(table: name) WHERE \(id: id) = ANY (\(wanted)::\(type)[])"
      )
      for row in rows { if let found = try table.id(row, at: 0) { taken.ids.insert(found) } }
    }
    guard numbering == .position else { return taken }
    let last = max(plan.files.count - 1, 0)
    let rows = try await connection.query(
      sql: """
        SELECT max(\(id: id))::int8, count(CASE WHEN \(id: id) BETWEEN 0 AND \(last) THEN 1 END) > 0 FROM \(table: name)
        """
    )
    if let row = rows.first {
      (taken.largest, taken.includesPositions) = try row.decode(Int64?.self, Bool.self)
    }
    return taken
  }
}

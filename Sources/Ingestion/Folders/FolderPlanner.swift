internal import Basics
internal import ImageSearch
internal import ImageSources
internal import PostgresClient
internal import VectorSQL

/// Reads what the plan of a folder is made from.
struct FolderPlanner: Sendable {
  let run: LoadRun
  let table: TargetTable
  let journal: LoadJournal?

  func plan(
    _ files: ImageFiles,
    _ earlier: LoadRecord?,
    _ policy: LoadOptions.ConflictPolicy,
    _ fingerprint: String,
    _ warnings: inout [String]
  ) async throws -> LoadPlan {
    let record = earlier?.tableOID == table.catalog.oid ? earlier : nil
    let restarts = run.options.continuation == .restart
    let comparison = StateLock(
      FolderComparison(
        files: files,
        unseen: await run.source.unseenPaths(),
        isLimited: run.source.isLimited,
        comparesLooks: run.options.duplicates != nil
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
          "\(run.source.name) changed since version 1 of adbvec loaded it, and neither its record nor the table says which "
            + "row is which image. Fix: load the folder into another table"
        )
      }
    } else if record != nil, let journal {
      try await journal.readImages(run.connection, target: table) { image in
        comparison.withLock { $0.add(image) }
      }
    }
    let folder = comparison.withLock { $0 }
    let known = folder.recordedCount
    if let record, !record.isFinished, run.options.continuation == .ask, known > 0 {
      throw LoadError(
        .resume,
        "a load of \(run.source.name) into this table stopped after \(known) images. Fix: go on with --resume"
      )
    }
    let present =
      !table.hasRows || !table.hasSource
      ? [:] : needsSources ? try await sources(files) : try await sources(ofNewIn: folder)
    if record == nil, table.hasRows, !table.hasSource, policy != .fail {
      warnings.append(
        "\(table.target.table.quoted) has no column \(table.target.sourceColumn.quoted), so that images whose rows this "
          + "journal does not know cannot be recognised; they are loaded as new ones"
      )
    }
    let treatment: LoadPlan.Treatment =
      !restarts && record != nil
      ? .follow : [.fail: .refuse, .skip: .follow, .update: .embedAgain][policy] ?? .refuse
    // Without a journal nothing says whose content is whose.
    let hashes = journal == nil ? [:] : await hashes(folder)
    let contents = record == nil ? [] : Array(Set(hashes.values))
    var plan = try LoadPlan(
      folder,
      hashes: hashes,
      matches: try await journal?.matches(contents, run.connection) ?? [],
      present: present,
      treatment: treatment,
      search: run.options.duplicates,
      source: run.source.name
    )
    if !plan.deleted.isEmpty, run.options.deleted == .keep {
      let count = plan.deleted.count
      warnings.append(
        "\(count) \(count == 1 ? "image" : "images") loaded before \(count == 1 ? "is" : "are") not in \(run.source.name) "
          + "any more; the rows stay"
      )
    }
    if treatment == .follow, !plan.changed.isEmpty {
      run.onEvent(
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

  /// Reads the contents that have to be compared, several at a time.
  private func hashes(_ folder: FolderComparison) async -> [Int: String] {
    let positions = folder.positionsToHash(all: run.options.hashesAll)
    guard !positions.isEmpty else { return [:] }
    let share = max(1, (positions.count + Self.readers - 1) / Self.readers)
    return await withTaskGroup(of: [(Int, String)].self) { group in
      for start in stride(from: 0, to: positions.count, by: share) {
        let part = positions[start..<min(start + share, positions.count)]
        group.addTask {
          part.compactMap { position in
            Task.isCancelled ? nil : folder.files[position].contentHash().map { (position, $0) }
          }
        }
      }
      var hashes: [Int: String] = [:]
      for await part in group {
        for (position, hash) in part { hashes[position] = hash }
      }
      return hashes
    }
  }

  private static let readers = 4

  /// What a record of version 1 says of the images: their positions in an unchanged folder, which were their ids.
  private func version1(_ record: LoadRecord, _ files: ImageFiles) async throws -> [RecordedImage] {
    let ids = try await Set(
      run.connection.query(
        Statement(trusted: "SELECT \(table.idValue) FROM \(table.catalog.name.quoted)")
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

  /// Ids of rows whose source is one of the files, by path in the folder.
  private func sources(_ files: ImageFiles) async throws -> [PathKey: ImageID] {
    var paths: [PathKey: PathKey] = [:]
    for file in files {
      paths[PathKey(file.source)] = PathKey(file.path)
      paths[PathKey(file.resolvedSource)] = PathKey(file.path)
    }
    let source = table.target.sourceColumn.quoted
    let query = Statement(
      trusted:
        "SELECT \(table.idValue), \(source) FROM \(table.catalog.name.quoted) WHERE \(source) IS NOT NULL"
    )
    var found: [PathKey: ImageID] = [:]
    for row in try await run.connection.query(query) {
      let path = paths[PathKey(try row.value(at: 1, as: String.self))]
      if let path, let id = try table.id(row, at: 0) { found[path] = id }
    }
    return found
  }

  /// Ids of rows whose source is an image that this folder's journal does not know: a folder that holds this one, or lies
  /// in it, may have loaded it.
  private func sources(ofNewIn folder: FolderComparison) async throws -> [PathKey: ImageID] {
    guard table.findsSources else { return [:] }
    let new = folder.files.indices.filter { folder.states[$0] == .new }
    let source = table.target.sourceColumn.quoted
    var found: [PathKey: ImageID] = [:]
    for start in stride(from: 0, to: new.count, by: 10_000) {
      var paths: [PathKey: PathKey] = [:]
      var texts: [String] = []
      for position in new[start..<min(start + 10_000, new.count)] {
        let file = folder.files[position]
        for text in Set([file.source, file.resolvedSource]) {
          paths[PathKey(text)] = PathKey(file.path)
          texts.append(text)
        }
      }
      let query = Statement(
        trusted:
          "SELECT \(table.idValue), \(source) FROM \(table.catalog.name.quoted) WHERE \(source) = ANY ($1::text[])",
        binds: [.textArray(texts)]
      )
      for row in try await run.connection.query(query) {
        let path = paths[PathKey(try row.value(at: 1, as: String.self))]
        if let path, let id = try table.id(row, at: 0) { found[path] = id }
      }
    }
    return found
  }

  /// Ids that are not numbers cannot be counted on from the largest.
  private var numbering: ImageIDs { table.idIsNumber ? run.source.imageIDs : .path }

  private func takenIDs(_ plan: LoadPlan) async throws -> LoadPlan.TakenIDs {
    var taken = LoadPlan.TakenIDs(areUUIDs: table.idIsUUID)
    guard table.hasRows else { return taken }
    let id = table.target.idColumn.quoted
    let name = table.catalog.name.quoted
    let connection = run.connection
    let wanted = plan.candidateIDs(numbering, areUUIDs: table.idIsUUID)
    let type = table.idIsNumber ? "int8" : table.idIsUUID ? "uuid" : "text"
    for start in stride(from: 0, to: wanted.count, by: 10_000) {
      let chunk = wanted[start..<min(start + 10_000, wanted.count)].map(\.description)
      let rows = try await connection.query(
        Statement(
          trusted: "SELECT \(table.idValue) FROM \(name) WHERE \(id) = ANY ($1::\(type)[])",
          binds: [.textArray(chunk)]
        )
      )
      for row in rows { if let found = try table.id(row, at: 0) { taken.ids.insert(found) } }
    }
    guard numbering == .position else { return taken }
    let rows = try await connection.query(
      Statement(
        trusted:
          "SELECT max(\(id))::int8, count(CASE WHEN \(id) BETWEEN 0 AND $1 THEN 1 END) > 0 FROM \(name)",
        binds: [.int8(Int64(max(plan.files.count - 1, 0)))]
      )
    )
    if let row = rows.first {
      (taken.largest, taken.includesPositions) = try row.decode(Int64?.self, Bool.self)
    }
    return taken
  }
}

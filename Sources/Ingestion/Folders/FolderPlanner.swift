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
    _ files: [ImageFile],
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
        isLimited: run.source.isLimited
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
    let present = needsSources && table.hasRows && table.hasSource ? try await sources(files) : [:]
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
      try plan.assignIDs(run.source.imageIDs, taken: try await takenIDs(plan))
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
  private func version1(_ record: LoadRecord, _ files: [ImageFile]) async throws -> [RecordedImage] {
    let ids = try await Set(
      run.connection.query(
        Statement(trusted: "SELECT \(idNumber) FROM \(table.catalog.name.quoted)")
      ).compactMap { try $0.value(at: 0, as: Int64?.self) }
    )
    let byPath = record.recipe.hasSuffix("ids by path")
    var known: [RecordedImage] = []
    for (position, file) in files.enumerated() where record.done.range(holding: position) != nil {
      let id = byPath ? ImageIDs.id(ofPath: file.pathBytes) : Int64(position)
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
  private func sources(_ files: [ImageFile]) async throws -> [PathKey: Int64] {
    var paths: [PathKey: PathKey] = [:]
    for file in files {
      paths[PathKey(file.source)] = PathKey(file.path)
      paths[PathKey(file.resolvedSource)] = PathKey(file.path)
    }
    let source = table.target.sourceColumn.quoted
    let query = Statement(
      trusted: "SELECT \(idNumber), \(source) FROM \(table.catalog.name.quoted) WHERE \(source) IS NOT NULL"
    )
    var found: [PathKey: Int64] = [:]
    for row in try await run.connection.query(query) {
      let (id, text) = try row.decode(Int64?.self, String.self)
      if let id, let path = paths[PathKey(text)] { found[path] = id }
    }
    return found
  }

  /// The id as a number; NULL for a text that is not one.
  private var idNumber: String {
    let id = table.target.idColumn.quoted
    return table.idIsText ? "CASE WHEN \(id) ~ '^-?[0-9]{1,18}$' THEN \(id)::int8 END" : "\(id)::int8"
  }

  private func takenIDs(_ plan: LoadPlan) async throws -> LoadPlan.TakenIDs {
    var taken = LoadPlan.TakenIDs()
    guard table.hasRows else { return taken }
    let id = table.target.idColumn.quoted
    let name = table.catalog.name.quoted
    let connection = run.connection
    if run.source.imageIDs == .path {
      let wanted = plan.candidateIDs
      for start in stride(from: 0, to: wanted.count, by: 10_000) {
        let chunk = wanted[start..<min(start + 10_000, wanted.count)]
        let literal = "{" + chunk.map(String.init).joined(separator: ",") + "}"
        let rows = try await connection.query(
          Statement(
            trusted:
              "SELECT \(idNumber) FROM \(name) WHERE \(id) = ANY ($1::text::\(table.idIsText ? "text" : "int8")[])",
            binds: [.text(literal)]
          )
        )
        for row in rows { taken.paths.insert(try row.value(at: 0, as: Int64.self)) }
      }
      return taken
    }
    guard !table.idIsText else {
      throw LoadError(
        .option,
        "the ids of \(name) are text, so that there is no largest one to count on from. Fix: --ids path"
      )
    }
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

internal import Basics
internal import ImageCodecs
internal import ImageSources
internal import PostgresClient
internal import VectorSQL

/// Brings table and journal up to date with a folder where no image has to be embedded: rows move with their images, take
/// their vectors from equal images, are flagged or deleted.
///
/// Every transaction holds some rows and their records, so that a run which stops anywhere leaves the two agreeing, and
/// the next one plans what is left.
struct FolderUpdate: Sendable {
  let job: LoadJob
  let table: TargetTable
  let plan: LoadPlan
  let journal: LoadJournal
  let lock: LoadLock?
  let statements: LoadStatements
  let encoder: RowEncoder
  private let engine: Engine

  private static let rowsPerTransaction = 500

  init?(_ job: LoadJob, _ session: LoadSession, _ sink: any RowSink) {
    guard let plan = session.plan, let journal = session.journal else { return nil }
    self.job = job
    table = session.table
    self.plan = plan
    self.journal = journal
    lock = session.lock
    engine = session.engine
    statements = sink.statements
    encoder = sink.encoder
  }

  /// What comes before the images that are embedded: their paths may be those of rows that move away.
  func prepare(_ connection: PostgresConnection) async throws {
    if !plan.moved.isEmpty { job.onEvent(.step("moving \(counted(plan.moved.count, "row"))")) }
    try await inTransactions(plan.moved, connection) { try await move($0, $1) }
    try await bringUpToDate(connection)
  }

  /// What is to be written of images whose content did not change.
  func bringUpToDate(_ connection: PostgresConnection) async throws {
    try await refresh(connection)
    try await identify(connection)
  }

  /// Fills the columns of rows that were loaded before the table had them.
  private func identify(_ connection: PostgresConnection) async throws {
    guard let text = try statements.identify?.rendered().text, !plan.unidentified.isEmpty else { return }
    job.onEvent(
      .step("recording source and content of \(counted(plan.unidentified.count, "row")) that lack them")
    )
    try await inTransactions(plan.unidentified, connection) { positions, connection in
      let paths = positions.map { plan.files[$0].path }
      let recorded = try await connection.query(
        sql: """
          SELECT path, content_hash FROM \(table: journal.images) WHERE load_key = \(journal.key) AND path = ANY (\(paths))
          """
      )
      var hashes: [PathKey: String] = [:]
      for row in recorded {
        let (path, hash) = try row.decode(String.self, String?.self)
        hashes[PathKey(path)] = hash
      }
      let sources = try await job.source.entries(at: positions).map(\.place.description)
      let taken = try await taken(sources, connection)
      try await connection.pipeline { sender in
        for (position, source) in zip(positions, sources) {
          guard let id = plan.ids[position] else { continue }
          var parameters = ParameterList()
          let hash = hashes[PathKey(plan.files[position].path)]
          let free = taken.contains(PathKey(source)) ? nil : source
          encoder.append(id: id, source: free, hash: hash, to: &parameters)
          try sender.send(trusted: text, parameters: parameters)
        }
      }
    }
  }

  /// Sources that other rows have: folders that hold each other may have given an image two rows.
  private func taken(_ sources: [String], _ connection: PostgresConnection) async throws -> Set<PathKey> {
    guard encoder.writesSource, table.findsSources else { return [] }
    let (name, column) = (statements.target.table, statements.target.sourceColumn)
    let rows = try await connection.query(
      sql: "SELECT \(id: column) FROM \(table: name) WHERE \(id: column) = ANY (\(sources))"
    )
    return Set(try rows.map { PathKey(try $0.value(at: 0, as: String.self)) })
  }

  /// Records sizes, times and hashes of images whose content did not change.
  private func refresh(_ connection: PostgresConnection) async throws {
    // Rendered once for all images.
    let update: SQL = """
      UPDATE \(table: journal.images) SET modified_at = $3, content_hash = coalesce($4, content_hash),
        status_changed_at = $5, missing_since = NULL
      WHERE load_key = $1 AND path = $2
      """
    let text = try update.rendered().text
    try await inTransactions(plan.refreshed, connection) { positions, connection in
      try await connection.pipeline { sender in
        for position in positions {
          let image = plan.image(at: position)
          let hash = plan.contents.hash(at: position)
          try sender.send(
            trusted: text,
            parameters: ParameterList([
              .text(journal.key), .text(image.file.path), .int8(image.recordedTime),
              hash.map { .text($0) } ?? .null, .int8(Int64(image.file.statusChangeTime)),
            ])
          )
        }
      }
    }
  }

  /// What follows the images that are embedded: some have their vectors for others.
  ///
  /// - Parameter near: images that look like others.
  /// - Returns: what became of the images that share a vector; those whose original changed meanwhile are left for the
  ///   next run, and counted nowhere.
  func complete(_ near: [NearDuplicate], _ connection: PostgresConnection) async throws -> LoadCounts {
    // Those that look like an image first: one of equal content takes its vector from them.
    let linked = try await settle(plan.linked(near), connection)
    let equal = try await settle(plan.duplicates, connection)
    let skipped = try await settle(plan.skipped, connection)
    try await retire(connection)
    return linked + equal + skipped
  }

  private func settle(
    _ duplicates: some RandomAccessCollection<LoadPlan.Duplicate>,
    _ connection: PostgresConnection
  ) async throws -> LoadCounts {
    var (counts, rest) = (LoadCounts(), duplicates[...])
    while !rest.isEmpty {
      let chunk = Array(rest.prefix(Self.rowsPerTransaction))
      rest = rest.dropFirst(Self.rowsPerTransaction)
      let (copied, left) = try await inTransaction(connection) { try await copy(chunk, $0) }
      counts = counts + copied
      if left > 0 {
        job.onEvent(
          .warning("\(counted(left, "image")) changed while the folder was loaded. Fix: run it again")
        )
      }
    }
    return counts
  }

  private func move(_ moves: [LoadPlan.Move], _ connection: PostgresConnection) async throws {
    let entries = try await job.source.entries(at: moves.map(\.position))
    // Rendered once for all images. One that could not be read may be recorded under the new path.
    let forget: SQL = "DELETE FROM \(table: journal.images) WHERE load_key = $1 AND path = $2"
    let rename: SQL = """
      UPDATE \(table: journal.images) SET path = $3, modified_at = $4, status_changed_at = $5, missing_since = NULL
      WHERE load_key = $1 AND path = $2
      """
    let (forgetting, renaming) = (try forget.rendered().text, try rename.rendered().text)
    let relocation = try statements.relocate?.rendered().text
    try await connection.pipeline { sender in
      for (move, entry) in zip(moves, entries) {
        try encoder.check.check(
          class: entry.label,
          place: entry.place,
          id: move.id,
          source: job.source.name,
          writesClass: encoder.writesClass
        )
        let file = plan.files[move.position]
        // Of an image that is also embedded again, the next run must not take the row for up to date.
        let time = plan.changed.contains(move.position) ? 0 : plan.image(at: move.position).recordedTime
        try sender.send(
          trusted: forgetting,
          parameters: ParameterList([.text(journal.key), .text(file.path)])
        )
        try sender.send(
          trusted: renaming,
          parameters: ParameterList([
            .text(journal.key), .text(move.path), .text(file.path), .int8(time),
            .int8(Int64(file.statusChangeTime)),
          ])
        )
        if let relocation {
          var parameters = ParameterList()
          encoder.append(entry, id: move.id, to: &parameters)
          try sender.send(trusted: relocation, parameters: parameters)
        }
      }
    }
  }

  /// What is recorded of an image that has its vector for others.
  private struct Original {
    var path: String
    var id: ImageID?
    var hash: String?
    var phash: PerceptualHash?
    var duplicateOf: String?
  }

  /// What is recorded of images; in place of one that is left out as a duplicate, the row of the image that it looks like.
  private func originals(
    of paths: [String],
    _ connection: PostgresConnection
  ) async throws -> [PathKey: Original] {
    var originals = try await records(of: paths, connection)
    let others = originals.values.filter { $0.id == nil }.compactMap(\.duplicateOf)
    guard !others.isEmpty else { return originals }
    let rows = try await records(of: others, connection)
    for (key, original) in originals where original.id == nil {
      guard let path = original.duplicateOf, let row = rows[PathKey(path)] else { continue }
      originals[key]?.id = row.id
      originals[key]?.path = row.path
    }
    return originals
  }

  private func records(
    of paths: [String],
    _ connection: PostgresConnection
  ) async throws -> [PathKey: Original] {
    var records: [PathKey: Original] = [:]
    let rows = try await connection.query(
      sql: """
        SELECT path, id, id_text, content_hash, phash, duplicate_of FROM \(table: journal.images)
        WHERE load_key = \(journal.key) AND path = ANY (\(Array(Set(paths))))
        """
    )
    for row in rows {
      let (path, number, text, hash, phash, other) = try row.decode(
        String.self,
        Int64?.self,
        String?.self,
        String?.self,
        Int64?.self,
        String?.self
      )
      records[PathKey(path)] = Original(
        path: path,
        id: text.map { ImageID($0) } ?? number.map { ImageID($0) },
        hash: hash,
        phash: phash.map { PerceptualHash(bits: UInt64(bitPattern: $0)) },
        duplicateOf: other
      )
    }
    return records
  }

  /// Copies vectors of images whose record says that they have the content still, and leaves images out that are to have no row.
  /// - Returns: what became of them, and how many are left for the next run.
  private func copy(
    _ duplicates: [LoadPlan.Duplicate],
    _ connection: PostgresConnection
  ) async throws -> (counts: LoadCounts, left: Int) {
    let originals = try await originals(of: duplicates.map(\.original), connection)
    let entries = try await job.source.entries(at: duplicates.map(\.position))
    var (counts, images, copies, left) = (LoadCounts(), [JournalImage](), [Copy](), 0)
    for (duplicate, entry) in zip(duplicates, entries) {
      let hash = plan.contents.hash(at: duplicate.position) ?? plan.files[duplicate.position].contentHash()
      guard let original = originals[PathKey(duplicate.original)] else {
        left += 1
        continue
      }
      var image = plan.image(at: duplicate.position, hash: hash)
      guard let originalID = original.id else {
        // Equal content cannot be read either. A row whose image became unreadable stays.
        if !duplicate.hasRow { image.id = nil }
        images.append(image)
        counts.unreadable += 1
        continue
      }
      guard duplicate.phash != nil || original.hash == hash else {
        left += 1
        continue
      }
      image.phash = duplicate.phash ?? original.phash
      if plan.search != nil { image.duplicateOf = original.path }
      guard plan.search?.treatment != .skip || duplicate.hasRow, let id = image.id else {
        image.id = nil
        images.append(image)
        continue
      }
      try encoder.check.check(
        class: entry.label,
        place: entry.place,
        id: id,
        source: job.source.name,
        writesClass: encoder.writesClass
      )
      copies.append(
        Copy(entry: entry, id: id, hash: hash, original: originalID, hasRow: duplicate.hasRow)
      )
      images.append(image)
      counts.replaced += duplicate.hasRow ? 1 : 0
    }
    counts.loaded = try await write(copies, connection)
    try await connection.pipeline(try journal.imageStatements(images).map { try $0.rendered() })
    return (counts, left)
  }

  /// An image's row, and the row that has its vector.
  private struct Copy: Sendable {
    var entry: ImageEntry
    var id: ImageID
    var hash: String?
    var original: ImageID
    var hasRow: Bool
  }

  private func write(_ copies: [Copy], _ connection: PostgresConnection) async throws -> Int {
    let replacement = try statements.replaceFromOriginal.rendered().text
    let insertion = try statements.insertFromOriginal.rendered().text
    let answers = try await connection.pipeline { sender in
      for copy in copies {
        var parameters = ParameterList()
        encoder.append(copy.entry, id: copy.id, to: &parameters)
        if encoder.writesHash { encoder.append(text: copy.hash, to: &parameters) }
        encoder.append(id: copy.original, to: &parameters)
        try sender.send(trusted: copy.hasRow ? replacement : insertion, parameters: parameters)
      }
    }
    return answers.reduce(0) { $0 + $1.affectedRows }
  }

  private func retire(_ connection: PostgresConnection) async throws {
    let retired = plan.retired(job.options.deleted, isConfirmed: job.options.confirmsDeletions)
    guard !retired.isEmpty else { return }
    let deletes = job.options.deleted == .delete
    job.onEvent(.step("\(deletes ? "deleting" : "flagging") \(counted(retired.count, "row"))"))
    let name = journal.images
    let record: SQL =
      deletes ? "DELETE FROM \(table: name)" : "UPDATE \(table: name) SET missing_since = now()"
    let isLeft: SQL = deletes ? .empty : " AND missing_since IS NULL"
    try await inTransactions(retired, connection) { images, connection in
      if deletes {
        let ids = images.compactMap(\.id)
        try await connection.query(sql: statements.delete(ids, of: encoder.check.idType))
      }
      let paths = images.map(\.path)
      try await connection.query(
        sql: "\(record) WHERE load_key = \(journal.key) AND path = ANY (\(paths))\(isLeft)"
      )
    }
  }

  private func inTransactions<Element: Sendable>(
    _ elements: some Sequence<Element>,
    _ connection: PostgresConnection,
    _ body: @Sendable ([Element], PostgresConnection) async throws -> Void
  ) async throws {
    var chunk: [Element] = []
    func flush() async throws {
      let elements = chunk
      chunk = []
      if !elements.isEmpty { try await inTransaction(connection) { try await body(elements, $0) } }
    }
    for element in elements {
      chunk.append(element)
      if chunk.count == Self.rowsPerTransaction { try await flush() }
    }
    try await flush()
  }

  private func inTransaction<Value: Sendable>(
    _ connection: PostgresConnection,
    _ body: @Sendable (PostgresConnection) async throws -> Value
  ) async throws -> Value {
    var attempt = 0
    while true {
      do {
        return try await connection.transaction { connection in
          if let lock { try await connection.query(sql: "SELECT \(lock.sharing)") }
          if lock != nil { try await journal.checkOwner(connection) }
          return try await body(connection)
        }
      } catch let error as PostgresError
        where engine.commitsInTwoPhases && error.isWorthRetrying(on: engine) && attempt < job.options.retries
      {
        // Where the answer came from the node that was asked, all nodes have rolled back.
        guard (try? await connection.run("SELECT 1")) != nil else { throw error }
        attempt += 1
        job.onEvent(.retrying(reason: error.description, attempt: attempt))
        try await Task.sleep(for: .seconds(1))
      }
    }
  }
}

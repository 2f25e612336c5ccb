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

// The table of a folder's images: a row for each, with its path, its row's id, and what its file was then.
extension LoadJournal {
  /// Streams the images that earlier runs of a folder's load dealt with, and whether their rows are in the table.
  ///
  /// - Parameter target: nil does not look for the rows, and takes them for present.
  func readImages(
    _ connection: PostgresConnection,
    target: TargetTable?,
    _ body: @escaping @Sendable (RecordedImage) -> Void
  ) async throws {
    let layout = try await layout(connection)
    guard ![.missing, .version1].contains(layout) else { return }
    let content =
      layout == .version2 ? "false, false" : "i.content_hash IS NOT NULL, i.missing_since IS NOT NULL"
    let text = [.current, .version4].contains(layout) ? "i.id_text" : "NULL::text"
    let looks = layout == .current ? "i.phash, i.duplicate_of" : "NULL::bigint, NULL::text"
    let (join, lacksIdentity): (String, String)
    if let target, !target.catalog.hasRowSecurity {
      let id = target.target.idColumn.quoted
      // An id that was freed may be another image's now: the source tells.
      let sameSource =
        target.hasSource
        ? " AND coalesce(right(t.\(target.target.sourceColumn.quoted), length(i.path)) = i.path"
          + " OR i.path LIKE 'file:%', true)"
        : ""
      let key =
        target.idIsNumber ? "i.id" : target.idIsUUID ? "\(text)::uuid" : "coalesce(\(text), i.id::text)"
      join =
        "t.\(id) IS NOT NULL FROM \(images) i LEFT JOIN \(target.catalog.name.quoted) t ON t.\(id) = \(key)\(sameSource)"
      let missing =
        (target.hasSource ? ["t.\(target.target.sourceColumn.quoted) IS NULL"] : [])
        + (target.hasHash && layout != .version2
          ? ["t.\(target.target.hashColumn.quoted) IS NULL AND i.content_hash IS NOT NULL"] : [])
      lacksIdentity = missing.isEmpty ? "false" : missing.joined(separator: " OR ")
    } else {
      (join, lacksIdentity) = ("true FROM \(images) i", "false")
    }
    let query = Statement(
      trusted:
        """
        SELECT i.path, i.id, \(text), i.byte_count, i.modified_at, \(content), \(looks), \(lacksIdentity), \(join)
        WHERE i.load_key = $1
        """,
      binds: [.text(key)]
    )
    try await connection.forEachRow(query) { row in
      let (
        path, number, text, byteCount, modified, hasHash, isMissing, phash, original, lacksIdentity, isPresent
      ) =
        try row.decode(
          String.self,
          Int64?.self,
          String?.self,
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

  /// Where contents are recorded.
  func matches(_ hashes: [String], _ connection: PostgresConnection) async throws -> [FolderComparison.Match]
  {
    guard [.current, .version4, .version3].contains(try await layout(connection)) else { return [] }
    var matches: [FolderComparison.Match] = []
    for start in stride(from: 0, to: hashes.count, by: Self.hashesPerStatement) {
      let chunk = Array(hashes[start..<min(start + Self.hashesPerStatement, hashes.count)])
      let rows = try await connection.query(
        .init(
          trusted: """
            SELECT content_hash, path FROM \(images)
            WHERE load_key = $1 AND content_hash = ANY ($2)
            """,
          binds: [.text(key), .textArray(chunk)]
        )
      )
      for row in rows {
        let (hash, path) = try row.decode(String.self, String.self)
        matches.append(FolderComparison.Match(hash: hash, path: path))
      }
    }
    return matches
  }

  private static let hashesPerStatement = 20_000

  /// Writes down images whose rows are in the table though no record of them is.
  func adopt(_ plan: LoadPlan, _ connection: PostgresConnection) async throws {
    let adopted = plan.adopted.map { plan.image(at: $0, hash: plan.hashes[$0]) }
    for start in stride(from: 0, to: adopted.count, by: Self.imagesPerStatement) {
      let chunk = adopted[start..<min(start + Self.imagesPerStatement, adopted.count)]
      for statement in imageStatements(Array(chunk)) { try await connection.run(trusted: statement) }
    }
  }

  private static let imagesPerStatement = 500

  /// Writes images down, as text for a message of several statements.
  func imageStatements(_ written: [JournalImage]) -> [String] {
    guard !written.isEmpty else { return [] }
    let known = written.filter(\.isKnown).map { SQLValue.text($0.file.path).literal }
    let rows = written.map { image in
      let values: [SQLValue] = [
        .text(key), .text(image.file.path), image.id?.number.map { .int8($0) } ?? .null,
        .int8(Int64(image.file.byteCount)), .int8(image.recordedTime), image.hash.map { .text($0) } ?? .null,
        image.id.flatMap { $0.number == nil ? SQLValue.text($0.description) : nil } ?? .null,
        image.phash.map { .int8(Int64(bitPattern: $0.bits)) } ?? .null,
        image.duplicateOf.map { .text($0) } ?? .null,
      ]
      return "(" + values.map(\.literal).joined(separator: ", ") + ")"
    }
    let removal =
      known.isEmpty
      ? []
      : [
        "DELETE FROM \(images) WHERE load_key = \(SQLValue.text(key).literal) AND path IN "
          + "(\(known.joined(separator: ", ")))"
      ]
    return removal + [
      "INSERT INTO \(images) (load_key, path, id, byte_count, modified_at, content_hash, id_text, phash, duplicate_of) VALUES "
        + rows.joined(separator: ", ")
    ]
  }
}

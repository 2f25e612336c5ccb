internal import Basics
internal import ImageSearch
internal import ImageSources
internal import PostgresClient
internal import VectorSQL

/// The SQL of a load, a pure function of target and policy. Rows are encoded straight into the formats of the wire, so that their
/// statements have numbered places and no values. Nothing here is missing on a 9.4 base, but `ON CONFLICT`,
/// which is written only where the server has it.
struct LoadStatements: Sendable, Hashable {
  let target: LoadTarget
  let policy: LoadOptions.ConflictPolicy
  /// Whether the class column is written; one that the source does not carry keeps what it has.
  var writesClass = true
  /// Whether the source column is written, too.
  let writesSource: Bool
  /// Whether the column for the SHA-256 of an image's file is written, too.
  var writesHash = false
  /// Whether the server reports which rows an upsert replaced, by a system column that Greenplum fills otherwise.
  let tellsReplaced: Bool
  /// Whether `INSERT … ON CONFLICT` is understood.
  let hasOnConflict: Bool
  /// `DISTRIBUTED BY` for temporary tables, where the server wants one.
  let distributes: Bool
  /// Whether ids are given to a column that is `GENERATED ALWAYS AS IDENTITY`.
  var overridesIdentity = false

  private var table: QualifiedName { target.table }
  private var id: Identifier { target.idColumn }
  private var vector: Identifier { target.vectorColumn }

  /// The columns that are written: id, class, vector, source, content's hash.
  private var columns: [Identifier] {
    [target.idColumn] + (writesClass ? [target.labelColumn] : []) + [target.vectorColumn]
      + (writesSource ? [target.sourceColumn] : []) + (writesHash ? [target.hashColumn] : [])
  }
  /// How many there are.
  var columnCount: Int { columns.count }
  private var columnList: SQL { columns.map(SQL.identifier).joined(separator: ", ") }
  private var overriding: SQL { overridesIdentity ? " OVERRIDING SYSTEM VALUE" : .empty }

  /// Changes the row whose id is the first parameter; those of the columns, one or more, follow it.
  private func update(_ columns: some Sequence<Identifier>, _ change: (Identifier, SQL) -> SQL) -> SQL {
    let changes = columns.enumerated().map { change($1, .parameter($0 + 2)) }.joined(separator: ", ")
    return "UPDATE \(table: table) SET \(changes) WHERE \(id: id) = $1"
  }

  /// `INSERT … VALUES ($1, $2, $3), …` of some rows.
  /// - Throws: `RenderingError` for more parameters than a statement takes, or a policy that the server lacks.
  func insert(rows: Int) throws -> String {
    let key = [target.idColumn]
    let conflict: InsertStatement.ConflictPolicy =
      switch policy {
      case .fail: .fail
      case .skip: .skip(key: key)
      case .update: .update(key: key)
      }
    // Vectors travel in their column's own type, so that no cast is written, and any dialect would do.
    var insertion = InsertStatement(
      into: target.table,
      columns: columns.map { .init($0) },
      onConflict: conflict
    )
    insertion.overridesIdentity = overridesIdentity
    let text = try insertion.text(
      rowCount: rows,
      for: .pgvector.adapted { $0.onConflict = hasOnConflict }
    )
    return text + (policy == .update && tellsReplaced ? " RETURNING xmax = 0" : "")
  }

  /// `COPY … FROM STDIN` into the target.
  var copy: SQL { "COPY \(table: table) (\(columnList)) FROM STDIN (FORMAT binary)" }

  /// `COPY … FROM STDIN` into the temporary table.
  var copyToStage: SQL { "COPY \(Self.stage) (\(columnList)) FROM STDIN (FORMAT binary)" }

  /// Replaces one row, whose id is the first parameter; the others follow as in a row.
  var replace: SQL {
    update(columns.dropFirst()) { "\(id: $0) = \($1)" }
  }

  /// Gives a row another class and source, which follow its id in the parameters; nil where neither is written.
  var relocate: SQL? {
    let changed = columns.filter { ![id, vector, target.hashColumn].contains($0) }
    return changed.isEmpty ? nil : update(changed) { "\(id: $0) = \($1)" }
  }

  /// Gives a row what it was loaded without: its source and its content's hash, which follow its id in the parameters; nil
  /// where the table has neither column. What the row has stays.
  var identify: SQL? {
    let missing = columns.filter { [target.sourceColumn, target.hashColumn].contains($0) }
    return missing.isEmpty ? nil : update(missing) { "\(id: $0) = coalesce(\(id: $0), \($1))" }
  }

  /// Inserts a row with the vector of another one. Id, class, source and hash are the first parameters, the other row's id
  /// is the last.
  var insertFromOriginal: SQL {
    var parameter = 0
    let values = columns.map { column -> SQL in
      guard column != vector else { return "o.\(id: vector)" }
      parameter += 1
      return .parameter(parameter)
    }
    return """
      INSERT INTO \(table: table) (\(columnList))\(overriding) SELECT \(values.joined(separator: ", ")) FROM \(table: table) o \
      WHERE o.\(id: id) = \(.parameter(parameter + 1))
      """
  }

  /// Replaces a row's class, source, hash and vector, which is another row's; parameters as for `insertFromOriginal`.
  var replaceFromOriginal: SQL {
    var parameter = 1
    let original: SQL =
      "SELECT o.\(id: vector) FROM \(table: table) o WHERE o.\(id: id) = \(.parameter(columns.count))"
    let changes = columns.dropFirst().map { column -> SQL in
      guard column != vector else { return "\(id: vector) = (\(original))" }
      parameter += 1
      return "\(id: column) = \(.parameter(parameter))"
    }
    return "UPDATE \(table: table) SET \(changes.joined(separator: ", ")) WHERE \(id: id) = $1"
  }

  /// Deletes rows by their ids.
  func delete(_ ids: [ImageID], of type: TableCheck.IDType) -> SQL {
    let wanted: SQL =
      switch type {
      case .text: "\(ids.map(\.description))"
      case .uuid: "\(ids.map(\.description))::uuid[]"
      case .int2, .int4, .int8: "\(ids.compactMap(\.number))"
      }
    return "DELETE FROM \(table: table) WHERE \(id: id) = ANY (\(wanted))"
  }

  /// Makes the temporary table, which ends with its transaction.
  var createStage: SQL {
    let placement: SQL = distributes ? Placement.distributed().clause(key: [id]) : .empty
    return """
      CREATE TEMP TABLE \(Self.stage) ON COMMIT DROP AS SELECT \(columnList) FROM \(table: table) WHERE false\(placement)
      """
  }

  /// Keeps the vectors of the temporary table in line, as they come.
  var storeStagePlain: SQL { "ALTER TABLE \(Self.stage) ALTER COLUMN \(id: vector) SET STORAGE PLAIN" }

  /// Moves the temporary table's rows to the target. The statements' affected rows are, in order, the roles given.
  var merge: [(role: MergeRole, sql: SQL)] {
    let insert: SQL =
      "INSERT INTO \(table: table) (\(columnList))\(overriding) SELECT \(columnList) FROM \(Self.stage)"
    let match: SQL = "t.\(id: id) = s.\(id: id)"
    let insertNew: SQL = "\(insert) s WHERE NOT EXISTS (SELECT 1 FROM \(table: table) t WHERE \(match))"
    switch policy {
    case .fail:
      return [(.inserted, insert)]
    case .skip where hasOnConflict:
      return [(.inserted, insert.appending(" ON CONFLICT (\(id: id)) DO NOTHING"))]
    case .skip:
      return [(.inserted, insertNew)]
    case .update:
      let changes = columns.dropFirst().map { "\(id: $0) = s.\(id: $0)" as SQL }.joined(separator: ", ")
      let update: SQL = "UPDATE \(table: table) t SET \(changes) FROM \(Self.stage) s WHERE \(match)"
      return [(.replaced, update), (.inserted, insertNew)]
    }
  }

  /// What a merge statement's affected rows are.
  enum MergeRole: Sendable, Hashable {
    case inserted
    case replaced
  }

  static let stage: SQL = "pg_temp.adbvec_stage"
}

extension FeatureBatch {
  /// The batch without rows whose id comes twice in it: the first stays, or the last where rows replace each other.
  ///
  /// One statement may not touch a row twice, so the server could not decide this.
  func distinct(keepingLast: Bool) -> FeatureBatch {
    var place: [ImageID: Int] = Dictionary(minimumCapacity: count)
    for (row, id) in ids.enumerated() where keepingLast || place[id] == nil { place[id] = row }
    guard place.count < count else { return self }
    var rows = FeatureBatch(firstPosition: firstPosition)
    for row in 0..<count where place[ids[row]] == row { rows.append(row, of: self) }
    return rows
  }
}

/// Writes a row's values in the binary formats of its columns.
struct RowEncoder: Sendable {
  let check: TableCheck
  /// Whether the class column is written.
  var writesClass = true
  /// Whether the source column is written, too.
  let writesSource: Bool
  /// Whether the column for the SHA-256 of an image's file is written, too.
  var writesHash = false

  /// Appends the parameters of a row.
  func append(_ row: Int, of rows: FeatureBatch, to parameters: inout ParameterList) {
    parameters.append(type: check.idOID) { encodeID(rows.ids[row], into: &$0) }
    if writesClass {
      if let label = rows.labels[row] {
        parameters.append(type: check.classOID) { encodeClass(label, into: &$0) }
      } else {
        parameters.appendNull(type: check.classOID)
      }
    }
    rows.withVector(row) { vector in
      parameters.append(type: check.vectorOID) { encodeVector(vector, into: &$0) }
    }
    if writesSource {
      parameters.append(type: Self.textOID) { $0.append(utf8: rows.places[row].description) }
    }
    if writesHash { append(text: rows.hashes[row], to: &parameters) }
  }

  /// Appends what an image's row has besides its vector: id, class and source.
  func append(_ entry: ImageEntry, id: ImageID, to parameters: inout ParameterList) {
    append(id: id, to: &parameters)
    if writesClass {
      if let label = entry.label {
        parameters.append(type: check.classOID) { encodeClass(label, into: &$0) }
      } else {
        parameters.appendNull(type: check.classOID)
      }
    }
    if writesSource { parameters.append(type: Self.textOID) { $0.append(utf8: entry.place.description) } }
  }

  /// Appends the parameters of `LoadStatements.identify`.
  func append(id: ImageID, source: String?, hash: String?, to parameters: inout ParameterList) {
    append(id: id, to: &parameters)
    if writesSource { append(text: source, to: &parameters) }
    if writesHash { append(text: hash, to: &parameters) }
  }

  /// Appends a text, or NULL.
  func append(text: String?, to parameters: inout ParameterList) {
    if let text {
      parameters.append(type: Self.textOID) { $0.append(utf8: text) }
    } else {
      parameters.appendNull(type: Self.textOID)
    }
  }

  /// Appends a row's id.
  func append(id: ImageID, to parameters: inout ParameterList) {
    parameters.append(type: check.idOID) { encodeID(id, into: &$0) }
  }

  /// Appends a row of COPY's binary format.
  func append(_ row: Int, of rows: FeatureBatch, to writer: inout BinaryCopyWriter) throws {
    try writer.row(fields: parameterTypes.count) { buffer in
      buffer.appendField { encodeID(rows.ids[row], into: &$0) }
      if writesClass {
        if let label = rows.labels[row] {
          buffer.appendField { encodeClass(label, into: &$0) }
        } else {
          buffer.appendNullField()
        }
      }
      rows.withVector(row) { vector in
        buffer.appendField { encodeVector(vector, into: &$0) }
      }
      if writesSource { buffer.appendField { $0.append(utf8: rows.places[row].description) } }
      if writesHash {
        if let hash = rows.hashes[row] {
          buffer.appendField { $0.append(utf8: hash) }
        } else {
          buffer.appendNullField()
        }
      }
    }
  }

  /// The types of a row's parameters.
  var parameterTypes: [UInt32] {
    [check.idOID] + (writesClass ? [check.classOID] : []) + [check.vectorOID]
      + (writesSource ? [Self.textOID] : []) + (writesHash ? [Self.textOID] : [])
  }

  private static let textOID: UInt32 = 25

  /// An id that passed the table's check.
  private func encodeID(_ id: ImageID, into buffer: inout WireBuffer) {
    switch check.idType {
    case .int2: buffer.append(Int16(truncatingIfNeeded: id.number ?? 0))
    case .int4: buffer.append(Int32(truncatingIfNeeded: id.number ?? 0))
    case .int8: buffer.append(id.number ?? 0)
    case .text: buffer.append(utf8: id.description)
    case .uuid: for byte in TableCheck.uuidBytes(id.description) ?? [] { buffer.append(byte) }
    }
  }

  /// A class that passed the table's check.
  private func encodeClass(_ label: String, into buffer: inout WireBuffer) {
    switch check.classType {
    case .text: buffer.append(utf8: label)
    case .int2: buffer.append(Int16(label) ?? 0)
    case .int4: buffer.append(Int32(label) ?? 0)
    case .int8: buffer.append(Int64(label) ?? 0)
    case .bool: buffer.append(UInt8(TableCheck.bool(label) == true ? 1 : 0))
    case .uuid: for byte in TableCheck.uuidBytes(label) ?? [] { buffer.append(byte) }
    }
  }

  private func encodeVector(_ vector: UnsafeBufferPointer<Float>, into buffer: inout WireBuffer) {
    switch check.vectorType {
    case .float4Array: buffer.append(float4Array: vector)
    case .float8Array: buffer.append(float8Array: vector)
    case .vector: buffer.append(vector: vector)
    case .halfvec: buffer.append(halfvec: vector)
    }
  }
}

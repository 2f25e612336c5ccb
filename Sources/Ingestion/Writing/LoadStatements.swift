internal import Basics
internal import ImageSearch
internal import ImageSources
internal import PostgresClient
internal import VectorSQL

/// The SQL of a load, a pure function of target and policy. Nothing here is missing on a 9.4 base, but `ON CONFLICT`,
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

  private var table: String { target.table.quoted }
  private var id: String { target.idColumn.quoted }
  private var label: String { target.labelColumn.quoted }
  private var vector: String { target.vectorColumn.quoted }

  /// The columns that are written: id, class, vector, source, content's hash.
  private var columns: [Identifier] {
    [target.idColumn] + (writesClass ? [target.labelColumn] : []) + [target.vectorColumn]
      + (writesSource ? [target.sourceColumn] : []) + (writesHash ? [target.hashColumn] : [])
  }
  /// How many there are.
  var columnCount: Int { columns.count }
  private var columnList: String { columns.map(\.quoted).joined(separator: ", ") }

  /// `class = <prefix>.class, …` for everything but the id.
  private func assignments(from prefix: String) -> String {
    columns.dropFirst().map { "\($0.quoted) = \(prefix).\($0.quoted)" }.joined(separator: ", ")
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
  var copy: String { "COPY \(table) (\(columnList)) FROM STDIN (FORMAT binary)" }

  /// `COPY … FROM STDIN` into the temporary table.
  var copyToStage: String { "COPY \(Self.stage) (\(columnList)) FROM STDIN (FORMAT binary)" }

  /// Replaces one row, whose id is the first parameter; the others follow as in a row.
  var replace: String {
    let changes = columns.dropFirst().enumerated().map { "\($1.quoted) = $\($0 + 2)" }
    return "UPDATE \(table) SET \(changes.joined(separator: ", ")) WHERE \(id) = $1"
  }

  /// Gives a row another class and source, which follow its id in the parameters; nil where neither is written.
  var relocate: String? {
    let changes = columns.filter {
      ![target.idColumn, target.vectorColumn, target.hashColumn].contains($0)
    }.enumerated()
      .map { "\($1.quoted) = $\($0 + 2)" }
    return changes.isEmpty ? nil : "UPDATE \(table) SET \(changes.joined(separator: ", ")) WHERE \(id) = $1"
  }

  /// Gives a row what it was loaded without: its source and its content's hash, which follow its id in the parameters; nil
  /// where the table has neither column. What the row has stays.
  var identify: String? {
    let missing = columns.filter { [target.sourceColumn, target.hashColumn].contains($0) }.enumerated()
      .map { "\($1.quoted) = coalesce(\($1.quoted), $\($0 + 2))" }
    return missing.isEmpty ? nil : "UPDATE \(table) SET \(missing.joined(separator: ", ")) WHERE \(id) = $1"
  }

  /// Inserts a row with the vector of another one. Id, class, source and hash are the first parameters, the other row's id
  /// is the last.
  var insertFromOriginal: String {
    var parameter = 0
    let values = columns.map { column in
      guard column != target.vectorColumn else { return "o.\(vector)" }
      parameter += 1
      return "$\(parameter)"
    }
    let override = overridesIdentity ? " OVERRIDING SYSTEM VALUE" : ""
    return
      "INSERT INTO \(table) (\(columnList))\(override) SELECT \(values.joined(separator: ", ")) FROM \(table) o "
      + "WHERE o.\(id) = $\(parameter + 1)"
  }

  /// Replaces a row's class, source, hash and vector, which is another row's; parameters as for `insertFromOriginal`.
  var replaceFromOriginal: String {
    var parameter = 1
    let changes = columns.dropFirst().map { column in
      guard column != target.vectorColumn else {
        return "\(vector) = (SELECT o.\(vector) FROM \(table) o WHERE o.\(id) = $\(columns.count))"
      }
      parameter += 1
      return "\(column.quoted) = $\(parameter)"
    }
    return "UPDATE \(table) SET \(changes.joined(separator: ", ")) WHERE \(id) = $1"
  }

  /// Deletes rows by an array of ids, as numbers or texts.
  func delete(_ type: TableCheck.IDType) -> String {
    "DELETE FROM \(table) WHERE \(id) = ANY ($1\(type == .uuid ? "::uuid[]" : ""))"
  }

  /// Makes the temporary table, which ends with its transaction.
  var createStage: String {
    "CREATE TEMP TABLE \(Self.stage) ON COMMIT DROP AS SELECT \(columnList) FROM \(table) WHERE false"
      + (distributes ? Placement.clause(by: [id]) : "")
  }

  /// Keeps the vectors of the temporary table in line, as they come.
  var storeStagePlain: String { "ALTER TABLE \(Self.stage) ALTER COLUMN \(vector) SET STORAGE PLAIN" }

  /// Moves the temporary table's rows to the target. The statements' affected rows are, in order, the roles given.
  var merge: [(role: MergeRole, text: String)] {
    let rows = "SELECT \(columnList) FROM \(Self.stage)"
    let override = overridesIdentity ? " OVERRIDING SYSTEM VALUE" : ""
    let insert = "INSERT INTO \(table) (\(columnList))\(override) \(rows)"
    let match = "t.\(id) = s.\(id)"
    let insertNew = insert + " s WHERE NOT EXISTS (SELECT 1 FROM \(table) t WHERE \(match))"
    switch policy {
    case .fail:
      return [(.inserted, insert)]
    case .skip:
      return [(.inserted, hasOnConflict ? insert + " ON CONFLICT (\(id)) DO NOTHING" : insertNew)]
    case .update:
      let update = "UPDATE \(table) t SET \(assignments(from: "s")) FROM \(Self.stage) s WHERE \(match)"
      return [(.replaced, update), (.inserted, insertNew)]
    }
  }

  /// What a merge statement's affected rows are.
  enum MergeRole: Sendable, Hashable {
    case inserted
    case replaced
  }

  static let stage = "pg_temp.adbvec_stage"
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

internal import ImageSearch
internal import ImageSources
internal import VectorSQL

/// What a load of vectors needs of its table, decided from the table alone.
struct TableCheck: Sendable, Hashable {
  /// How ids are sent.
  enum IDType: Sendable, Hashable {
    case int2, int4, int8, text

    /// The type's name in SQL.
    var sqlName: String {
      switch self {
      case .text: "text"
      case .int2: "smallint"
      case .int4: "integer"
      case .int8: "bigint"
      }
    }
  }

  /// How classes are sent.
  enum ClassType: Sendable, Hashable {
    /// Text, and enumerations, whose binary form is their text.
    case text
    /// Integers of so many bytes.
    case int2, int4, int8
    case uuid
    case bool
  }

  /// How vectors are sent.
  enum VectorType: Sendable, Hashable {
    /// `real[]`.
    case float4Array
    /// `double precision[]`.
    case float8Array
    /// pgvector's `vector`.
    case vector
    /// pgvector's `halfvec`.
    case halfvec
  }

  /// The id column's form.
  let idType: IDType
  /// The class column's form.
  let classType: ClassType
  /// The class column's type.
  let classOID: UInt32
  /// The id column's type.
  let idOID: UInt32
  /// The vector column's form.
  let vectorType: VectorType
  /// The vector column's type.
  let vectorOID: UInt32
  /// The dimension that column or index ask for; nil when any will do.
  let dimension: Int?
  /// Whether a class must be given.
  let labelIsRequired: Bool
  /// Whether a row without a class gets one.
  let labelHasDefault: Bool
  /// Whether vectors of zeros are refused, because an index compares angles.
  let refusesZeroVectors: Bool
  /// Whether the table has the column for where images came from.
  let hasSource: Bool
  /// Whether every row must say where its image came from.
  let sourceIsRequired: Bool
  /// What the user should know though it stops nothing.
  let warnings: [String]

  /// Checks a table.
  /// - Throws: `LoadError` with code `table`: the first thing that would make every row fail.
  init(_ table: TargetTable) throws {
    let target = table.target
    let name = target.table.quoted
    let id = try Self.column(target.idColumn, table)
    let label = try Self.column(target.labelColumn, table)
    let vector = try Self.column(target.vectorColumn, table)
    idType = try Self.idType(id, name)
    idOID = id.typeOID
    classType = try Self.classType(label, name, isEnum: table.facts.classIsEnum)
    classOID = label.typeOID
    vectorType = try Self.vectorType(vector, name)
    vectorOID = vector.typeOID
    dimension = vector.declaredDimension ?? table.vectorIndexes.lazy.compactMap(\.dimension).first
    labelIsRequired = label.isRequired
    labelHasDefault = label.hasDefault
    refusesZeroVectors = table.vectorIndexes.contains { $0.metric == .cosine }
    hasSource = table.hasSource
    sourceIsRequired =
      table.catalog.column(target.sourceColumn).map { $0.isRequired && !$0.hasDefault } ?? false
    let others = table.catalog.columns.filter { ![id.name, label.name, vector.name].contains($0.name) }
    if let unfilled = others.first(where: {
      $0.isRequired && !$0.hasDefault && $0.name != target.sourceColumn.name
    }) {
      throw LoadError(
        .table,
        "column \"\(unfilled.name)\" of \(name) is NOT NULL without a default, so that no row can be loaded. Fix: give it a default"
      )
    }
    warnings =
      id.isUnique ? [] : ["\(name) has no unique index on \"\(id.name)\": duplicate ids will be stored"]
  }

  private static func column(_ name: Identifier, _ table: TargetTable) throws -> VectorTable.Column {
    do {
      return try table.catalog.require(name)
    } catch let error as VectorTableError {
      throw LoadError(.table, error.description)
    }
  }

  static func idType(_ column: VectorTable.Column, _ table: String) throws -> IDType {
    switch column.typeName {
    case "smallint": return .int2
    case "integer": return .int4
    case "bigint": return .int8
    case "text", "character varying": return .text
    default:
      throw LoadError(
        .table,
        "column \"\(column.name)\" of \(table) is \(column.type); ids need an integer or text type. "
          + "Fix: name another column with --id-column"
      )
    }
  }

  private static func classType(
    _ column: VectorTable.Column,
    _ table: String,
    isEnum: Bool
  ) throws -> ClassType {
    switch column.typeName {
    case "text", "character varying", "character", "name", "citext": return .text
    case "smallint": return .int2
    case "integer": return .int4
    case "bigint": return .int8
    case "uuid": return .uuid
    case "boolean": return .bool
    case _ where isEnum: return .text
    default:
      throw LoadError(
        .table,
        "column \"\(column.name)\" of \(table) is \(column.type); a class is text, an integer, an enum, a boolean or "
          + "a uuid. Fix: name another column with --class-column"
      )
    }
  }

  static func vectorType(_ column: VectorTable.Column, _ table: String) throws -> VectorType {
    switch column.typeName {
    case "real[]": return .float4Array
    case "double precision[]": return .float8Array
    case "vector": return .vector
    case "halfvec": return .halfvec
    default:
      throw LoadError(
        .table,
        "column \"\(column.name)\" of \(table) is \(column.type); vectors need real[], vector or halfvec"
      )
    }
  }
}

extension TableCheck {
  /// Checks that searches by a metric will find an index that serves it.
  /// - Throws: `LoadError` with code `table`; never for a table without indexes on the vector.
  static func checkMetric(_ wanted: Metric?, of table: TargetTable) throws {
    guard let wanted else { return }
    let known = table.vectorIndexes.compactMap(\.metric)
    guard let other = known.first, !known.contains(wanted) else { return }
    let target = table.target
    throw LoadError(
      .table,
      "the metric is set to \(wanted) and the index on \(target.vectorColumn.quoted) of \(target.table.quoted) serves "
        + "\(other); make an index for \(wanted), or leave the setting out"
    )
  }

  /// Checks the dimension of the source against the table, before the first byte is sent.
  /// - Throws: `LoadError` with code `table`.
  func checkDimension(_ sourceDimension: Int, of table: TargetTable) throws {
    let target = table.target
    if let dimension, dimension != sourceDimension {
      throw LoadError(
        .table,
        "the source's vectors have \(sourceDimension) numbers and column \"\(target.vectorColumn.name)\" of "
          + "\(target.table.quoted) takes \(dimension)"
      )
    }
    guard let column = table.catalog.column(target.vectorColumn), column.storage == "p",
      let row = table.catalog.rowBytes(column, dimension: sourceDimension)
    else { return }
    let room = VectorTable.pageRoom(blockSize: table.blockSize)
    guard row <= room else {
      throw LoadError(
        .table,
        "a row with \(sourceDimension) numbers takes about \(row) bytes and a page holds \(room); "
          + "ALTER TABLE \(target.table.quoted) ALTER COLUMN \(target.vectorColumn.quoted) SET STORAGE EXTERNAL"
      )
    }
  }

  /// Checks the rows of a batch.
  /// - Throws: `LoadError` with code `row`, naming the row by its id.
  ///
  /// - Parameter writesClass: whether the class column is written at all.
  func check(_ rows: FeatureBatch, source: String, writesClass: Bool = true) throws {
    for row in 0..<rows.count {
      let id = rows.ids[row]
      guard idRange.contains(id) else {
        throw LoadError(
          .row,
          "\(source): the id \(id) does not fit the id column, which is \(idType.sqlName)"
        )
      }
      if labelIsRequired, rows.labels[row] == nil, writesClass || !labelHasDefault {
        throw LoadError(.row, "\(source): the row with id \(id) has no class and the column is NOT NULL")
      }
      if let label = rows.labels[row], classType != .text, !isValid(label) {
        throw LoadError(
          .row,
          "\(source): the class of id \(id) is not a value of the class column's type"
        )
      }
      if let label = rows.labels[row], label.utf8.contains(0) {
        throw LoadError(
          .row,
          "\(source): the class of id \(id) holds a NUL character, which PostgreSQL cannot store"
        )
      }
      try checkVector(rows, row, id: id, source: source)
    }
  }

  private func isValid(_ label: String) -> Bool {
    switch classType {
    case .text: true
    case .int2: Int16(label) != nil
    case .int4: Int32(label) != nil
    case .int8: Int64(label) != nil
    case .uuid: Self.uuidBytes(label) != nil
    case .bool: Self.bool(label) != nil
    }
  }

  /// The sixteen bytes of a uuid's text; nil for any other text.
  static func uuidBytes(_ text: String) -> [UInt8]? {
    let digits = text.filter { $0 != "-" && $0 != "{" && $0 != "}" }
    guard digits.utf8.count == 32 else { return nil }
    var bytes: [UInt8] = []
    var rest = digits[...]
    while !rest.isEmpty {
      guard let byte = UInt8(rest.prefix(2), radix: 16), !rest.hasPrefix("+") else { return nil }
      bytes.append(byte)
      rest = rest.dropFirst(2)
    }
    return bytes
  }

  /// A boolean as PostgreSQL prints it.
  static func bool(_ text: String) -> Bool? {
    ["t": true, "true": true, "1": true, "f": false, "false": false, "0": false][text.lowercased()]
  }

  private func checkVector(_ rows: FeatureBatch, _ row: Int, id: Int64, source: String) throws {
    let largest = rows.withVector(row) { vector in
      // The exponent of NaN and of infinities is all ones, above every number's; a maximum of bits vectorises.
      var largest: UInt32 = 0
      for value in vector { largest = max(largest, value.bitPattern & 0x7FFF_FFFF) }
      return Float(bitPattern: largest)
    }
    guard largest.isFinite else {
      throw LoadError(.row, "\(source): the vector of id \(id) holds NaN or an infinity")
    }
    let stored = vectorType == .halfvec ? Float(Float16(largest)) : largest
    guard stored.isFinite else {
      throw LoadError(
        .row,
        "\(source): the vector of id \(id) holds \(largest), and halfvec ends at \(Float16.greatestFiniteMagnitude)"
      )
    }
    guard !(stored == 0 && refusesZeroVectors) else {
      throw LoadError(.row, "\(source): the vector of id \(id) is all zeros, which has no cosine distance")
    }
  }

  private var idRange: ClosedRange<Int64> {
    switch idType {
    case .int2: Int64(Int16.min)...Int64(Int16.max)
    case .int4: Int64(Int32.min)...Int64(Int32.max)
    case .int8, .text: Int64.min...Int64.max
    }
  }
}

internal import ImageSources
internal import ImageSearch
internal import VectorSQL

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
  func check(_ rows: FeatureBatch, source: String) throws {
    for row in 0..<rows.count {
      let id = rows.ids[row]
      guard idRange.contains(id) else {
        throw LoadError(
          .row,
          "\(source): the id \(id) does not fit the id column, which is \(idType.sqlName)"
        )
      }
      if labelIsRequired, rows.labels[row] == nil {
        throw LoadError(.row, "\(source): the row with id \(id) has no class and the column is NOT NULL")
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
    case .int8: Int64.min...Int64.max
    }
  }
}

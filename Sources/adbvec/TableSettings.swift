import CommandSupport
import ImageSearch
import Ingestion
import VectorSQL

extension Settings {
  /// The table and columns in force.
  /// - Throws: `CommandFailure` with exit code 64 for a name that PostgreSQL could not keep.
  func imageTable() throws -> ImageTable {
    ImageTable(
      name: try tableName(),
      idColumn: try name(.idColumn) { try Identifier(validating: $0) },
      classColumn: try name(.classColumn) { try Identifier(validating: $0) },
      vectorColumn: try name(.vectorColumn) { try Identifier(validating: $0) }
    )
  }

  /// The same table as the target of a load.
  func loadTarget() throws -> LoadTarget {
    let table = try imageTable()
    return LoadTarget(
      table: table.name,
      idColumn: table.idColumn,
      labelColumn: table.classColumn,
      vectorColumn: table.vectorColumn,
      sourceColumn: table.sourceColumn
    )
  }

  /// The dialect in force.
  func sqlDialect() throws -> Dialect {
    let name = try text(.dialect)
    guard let dialect = Dialect(name: name) else {
      let known = Dialect.all.map(\.name).joined(separator: " or ")
      throw CommandFailure("the dialect must be \(known), not \"\(name)\"", exitCode: 64)
    }
    return dialect
  }

  /// The metric that was set; nil leaves it to the index.
  func chosenMetric() throws -> Metric? {
    guard let value = self[.metric] else { return nil }
    guard let metric = Metric(name: value.text) else {
      let known = Metric.all.map(\.description).joined(separator: ", ")
      throw CommandFailure("the metric must be one of \(known), not \"\(value.text)\"", exitCode: 64)
    }
    return metric
  }
}

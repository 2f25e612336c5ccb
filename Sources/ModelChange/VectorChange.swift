internal import Basics
public import ImageSearch
internal import Migrations
public import VectorSQL

/// A column of vectors that is replaced by another while its table is in use, and the names of everything that the
/// change adds to the table; all of them are made of the table's and the column's names.
public struct VectorChange: Sendable, Hashable {
  /// The table, with its schema.
  public let table: QualifiedName
  /// The column that searches use, before the change and after it: `image_vector`.
  public let column: Identifier
  /// The key column.
  public let idColumn: Identifier
  /// The column that says where an image is; nil where the table has none.
  public let sourceColumn: Identifier?
  /// The new vectors until the switch: `image_vector_next`.
  public let next: Identifier
  /// The old vectors from the switch on: `image_vector_previous`.
  public let previous: Identifier
  /// What is known of a row whose other vector is NULL: NULL, `changed` or `source changed` and a transaction's number, or
  /// `missing` and a reason: `image_vector_state`.
  public let state: Identifier
  /// The function of both triggers.
  let function: QualifiedName
  /// Triggers run in the order of their names: these come after those of users, whose vectors they have to see.
  let insertTrigger: Identifier
  let updateTrigger: Identifier
  /// What stands for the column's NOT NULL from the switch on.
  let required: Identifier
  /// The partial index on the rows that wait for a new vector, and the one on those that wait for an old one.
  let pendingIndex: Identifier
  let pendingPreviousIndex: Identifier

  /// The change of a column.
  /// - Throws: `ChangeError` for a name that is too long, or that a line of a file cannot hold.
  public init(
    table: QualifiedName,
    column: Identifier,
    idColumn: Identifier,
    sourceColumn: Identifier?
  ) throws {
    for name in [table.schema, table.name, column, idColumn, sourceColumn].compactMap(\.self)
    where name.name.unicodeScalars.contains(where: { " \t\n\r\"'=.;".unicodeScalars.contains($0) }) {
      throw ChangeError(
        "the name \(name.quoted) has a blank, a quote, a dot, a semicolon or an equals sign, which the files of a change "
          + "cannot hold"
      )
    }
    self.table = table
    self.column = column
    self.idColumn = idColumn
    self.sourceColumn = sourceColumn
    next = try Self.name(column.name, "_next")
    previous = try Self.name(column.name, "_previous")
    state = try Self.name(column.name, "_state")
    function = QualifiedName(
      schema: table.schema,
      name: try Self.name(table.name.name, "_\(column.name)_changed")
    )
    insertTrigger = try Self.name("zz_" + column.name, "_inserted")
    updateTrigger = try Self.name("zz_" + column.name, "_updated")
    required = try Self.name(column.name, "_required")
    pendingIndex = try Self.name(table.name.name, "_\(column.name)_pending")
    pendingPreviousIndex = try Self.name(table.name.name, "_\(column.name)_pending_previous")
  }

  private static func name(_ head: String, _ suffix: String) throws -> Identifier {
    do {
      return try Identifier(validating: head + suffix)
    } catch {
      throw ChangeError("the name \(head)\(suffix), which the change needs, is too long for PostgreSQL")
    }
  }

  /// The rows whose vector in a column is still to be made, as the partial indexes spell it.
  func pending(_ column: Identifier) -> String {
    let waits = "\(sql(column)) IS NULL"
    return (column == next ? "(\(waits) OR \(hasOtherSource))" : waits)
      + " AND coalesce(\(sql(state)), '') NOT LIKE 'missing%'"
  }

  /// The rows that got another source behind the switch, and kept the vector of the image before.
  var hasOtherSource: String { "\(sql(state)) LIKE 'source%'" }

  /// The rows whose image could not be read.
  func missing(_ column: Identifier) -> String {
    "\(sql(column)) IS NULL AND \(sql(state)) LIKE 'missing%'"
  }

  func sql(_ name: Identifier) -> String { ReservedWords.quotedWhereNeeded(name) }

  func sql(_ name: QualifiedName) -> String {
    [name.schema, name.name].compactMap { $0.map(sql) }.joined(separator: ".")
  }

  func inSchema(_ name: Identifier) -> String { sql(QualifiedName(schema: table.schema, name: name)) }
}

/// How a column's vectors are made.
public enum VectorMaking: Sendable, Hashable {
  /// From the images, by a model.
  case images(Recipe)
  /// From the vectors of another column, by the server.
  case conversion(VectorConversion)
  /// From the vectors of another column, by a projection in a file; the recipe is what comes out.
  case projection(file: String, Recipe)
}

/// The vectors that a change gives a table.
public struct NewVectors: Sendable, Hashable {
  /// What makes them.
  public let making: VectorMaking
  /// The new column's type, as SQL writes it: `halfvec(512)`.
  public let type: String
  /// The new column's dimension.
  public let dimension: Int
  /// The least share of neighbours that old and new must have in common, where nobody gives one.
  public let minimumAgreement: Double
}

/// What is asked of a table's new vectors; nil leaves a part as it is.
public struct VectorRequest: Sendable, Hashable {
  /// The file of the model's weights.
  public var weights: String?
  /// The model.
  public var model: String?
  /// The layer and pooling.
  public var feature: String?
  /// The input sizes to average over.
  public var scales: String?
  /// Whether to average over an image and its mirror image.
  public var mirrors: Bool?
  /// Whether to scale vectors to length 1.
  public var normalises: Bool?
  /// The file of the projection that is applied last.
  public var projection: String?

  /// Nothing asked for yet.
  public init() {}

  /// Whether the old vectors cannot tell the new ones, so that each image is embedded again: for what a model makes, for the
  /// lengths that vectors had, and for another projection in the place of one.
  public func needsImages(_ old: Recipe) -> Bool {
    weights != nil || model != nil || feature != nil || scales != nil || mirrors != nil
      || old[.normalise] == "yes" && normalises == false
      || projection != nil && old[.projection] != nil && old[.projection] != "none"
  }

  /// Whether vectors that had other lengths are to get length 1.
  public func newlyNormalises(_ old: Recipe) -> Bool { normalises == true && old[.normalise] != "yes" }

  /// What of the old recipe holds for another model's vectors.
  public func kept(of old: Recipe) -> Recipe {
    var base = old
    // A projection was fitted for its model; a model is what its weights fit.
    for field in [Recipe.Field.projectionFile, .projection] { base[field] = nil }
    if weights != nil || model != nil {
      for field in [Recipe.Field.architecture, .weightsFile, .weights] { base[field] = nil }
    }
    return base
  }
}

/// A conversion that the server does by itself, with the same result wherever it is done.
public struct VectorConversion: Sendable, Hashable {
  /// The type that comes out, as SQL writes it: `halfvec(512)`.
  public var type: String
  /// Whether vectors are scaled to length 1 first.
  public var normalises: Bool
  /// Whether a function of the extension does that; not for real[], nor before pgvector 0.7.
  var hasNormaliser = false
  /// The extension's schema with its dot, where it must be named in the sessions of a change.
  var qualifier = ""
  /// The extension's schema with its dot.
  var schema = ""

  /// The expression for a vector in a trigger, which must refuse no writer. It names the schema of all, since a writer may have
  /// any search path, as the one of a subscription, which is empty; and it is NULL for a vector that a halfvec may not hold,
  /// whose largest number is 65504. The backfill then meets that, and says so.
  func sqlInTrigger(of vector: String) -> String {
    var named = self
    named.qualifier = schema
    if !type.contains("."), !type.hasSuffix("[]") { named.type = schema + type }
    guard !normalises, type.contains("halfvec") else { return named.sql(of: vector) }
    return "CASE WHEN \(schema)vector_norm(\(vector)) < 65504 THEN \(named.sql(of: vector)) END"
  }

  /// The expression for a vector.
  func sql(of vector: String) -> String {
    guard normalises else { return "\(vector)::\(type)" }
    if hasNormaliser { return "\(qualifier)l2_normalize(\(vector))::\(type)" }
    return "(SELECT array_agg(CASE WHEN n > 0 THEN (e / n)::real ELSE e END ORDER BY o) FROM (SELECT e, o, "
      + "sqrt(sum(e::float8 * e) OVER ()) AS n FROM unnest(\(vector)::real[]) WITH ORDINALITY AS u (e, o)) AS v)::\(type)"
  }
}

/// What becomes of rows whose image is not there any more.
public enum MissingImages: String, Sendable, Hashable, CaseIterable {
  /// They stay, without a vector.
  case keep
  /// They are deleted when the old vectors go.
  case drop
  /// The change does not begin.
  case fail
}

/// Why a change is refused: one line, what and where and what to do.
public struct ChangeError: Error, Sendable, Hashable, CustomStringConvertible {
  /// The line.
  public let description: String

  /// An error with its line.
  public init(_ description: String) { self.description = description }
}

extension ChangeError: ReportedError {
  /// As JSON output shows it.
  package var reportedCode: String { "change" }
}

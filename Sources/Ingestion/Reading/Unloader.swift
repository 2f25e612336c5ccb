internal import Basics
internal import ImageSearch
public import ImageSources
internal import MetricLearning
public import PostgresClient
internal import VectorSQL

/// Writes a table's rows to a file that a load reads back.
public struct Unloader: Sendable {
  /// How to reach the server.
  public var settings: ConnectionSettings
  /// The table and its columns.
  public var target: LoadTarget

  /// An unloader.
  public init(settings: ConnectionSettings, target: LoadTarget) {
    self.settings = settings
    self.target = target
  }

  /// Copies every row, in the order of the ids, as one statement sees them; memory does not grow with the rows.
  ///
  /// - Parameters:
  ///   - onRows: told now and then how many rows are written.
  ///   - open: makes the writer, on the connection's own thread.
  /// - Returns: how many rows were written, and how many were left out because they have no vector.
  /// - Throws: `LoadError` with code `table`, or `row` for a row without id or vector; `PostgresError`;
  ///   `CollectionError` when the file cannot be written.
  public func run(
    onRows: @escaping @Sendable (Int) -> Void = { _ in },
    open: @escaping @Sendable () throws -> any FeatureWriter
  ) async throws -> UnloadCounts {
    let connection = try await PostgresConnection.connect(settings)
    do {
      try await check(connection)
      let count = try await copy(connection, onRows, open)
      await connection.close()
      return count
    } catch {
      await connection.close()
      throw error
    }
  }

  /// A view, and a table that nothing could be loaded into, can be read.
  private func check(_ connection: PostgresConnection) async throws {
    let name = target.table.quoted
    do {
      let table = try await VectorTable.read(
        target.table,
        vectorColumn: target.vectorColumn,
        from: connection
      )
      _ = try TableCheck.idType(try table.require(target.idColumn), name)
      _ = try table.require(target.labelColumn)
      _ = try TableCheck.vectorType(try table.require(target.vectorColumn), name)
    } catch let error as VectorTableError {
      throw LoadError(.table, error.description)
    }
  }

  private func copy(
    _ connection: PostgresConnection,
    _ onRows: @escaping @Sendable (Int) -> Void,
    _ open: @escaping @Sendable () throws -> any FeatureWriter
  ) async throws -> UnloadCounts {
    // A class may be an integer, an enum, a uuid: a file holds its text, and that of an id.
    let (id, label, vector) = (target.idColumn, target.labelColumn, target.vectorColumn)
    // In the order the bare name would be that of the text.
    let query: SQL = """
      SELECT \(id: id)::text, \(id: label)::text, \(id: vector) FROM \(table: target.table) AS t ORDER BY t.\(id: id)
      """
    let types = try await connection.columnTypes(of: try query.rendered()).map(\.typeOID)
    let copy: SQL = "COPY (\(query)) TO STDOUT (FORMAT binary)"
    return try await connection.unload(try copy.rendered(), types, onRows, open)
  }
}

/// What became of a table's rows.
public struct UnloadCounts: Sendable, Hashable {
  /// Rows that were written.
  public var rows: Int
  /// Rows without a vector, which were left out.
  public var withoutVector: Int
}

extension PostgresConnection {
  /// On the connection's thread, where the writer may be used from its making to its end.
  fileprivate func unload(
    _ copy: Statement,
    _ types: [UInt32],
    _ onRows: @Sendable (Int) -> Void,
    _ open: @Sendable () throws -> any FeatureWriter
  ) async throws -> UnloadCounts {
    let writer = try open()
    let isWide = types[2] == Self.float8Array
    var (count, withoutVector) = (0, 0)
    try await copyOutBinary(copy, types: types) { row in
      guard let vector = try Self.vector(row, isWide: isWide, position: count) else {
        withoutVector += 1
        return
      }
      guard let id = try row.value(at: 0, as: String?.self), !vector.isEmpty else {
        throw LoadError(.row, "row \(count) has no id or an empty vector; a file cannot hold it")
      }
      try writer.write(id: ImageID(id), label: try row.value(at: 1, as: String?.self), vector: vector)
      count += 1
      if count % 1000 == 0 { onRows(count) }
    }
    guard count > 0 else {
      let reason = withoutVector == 0 ? "the table has no rows" : "no row of the table has a vector"
      throw LoadError(.table, "\(reason); nothing was written")
    }
    try writer.finish()
    onRows(count)
    return UnloadCounts(rows: count, withoutVector: withoutVector)
  }

  private static let float8Array: UInt32 = 1022

  /// `double precision[]` is narrowed, as the load widened it.
  private static func vector(_ row: BinaryCopyRow, isWide: Bool, position: Int) throws -> [Float]? {
    do {
      guard isWide else { return try row.value(at: 2, as: [Float]?.self) }
      return try row.value(at: 2, as: [Double]?.self)?.map { Float($0) }
    } catch let error as PostgresError where error.code == .decoding {
      let gap =
        isWide
        ? try? row.value(at: 2, as: [Double?].self).firstIndex { $0 == nil }
        : try? row.value(at: 2, as: [Float?].self).firstIndex { $0 == nil }
      guard let gap else { throw error }
      let name = (try? row.value(at: 0, as: String.self)).map { "id \($0)" } ?? "row \(position)"
      throw LoadError(
        .row,
        "the vector of \(name) has NULL at element \(gap + 1), which a file cannot hold. Fix: give the element a value, "
          + "or set the row's vector to NULL: unload leaves rows without a vector out and counts them"
      )
    }
  }
}

/// Draws vectors from a table: every row passes by once, and memory holds the sample only.
public struct TableSample: Sendable {
  /// How to reach the server.
  public var settings: ConnectionSettings
  /// The table and its columns.
  public var target: LoadTarget

  /// A sample of a table.
  public init(settings: ConnectionSettings, target: LoadTarget) {
    self.settings = settings
    self.target = target
  }

  /// Draws rows at random, the same for the same rows and seed; all of them when there are no more than asked for.
  ///
  /// - Throws: as `Unloader.run`; `LoadError` with code `features` when vectors differ in length.
  public func draw(_ count: Int, seed: UInt64) async throws -> CollectedVectors {
    let kept = KeptRows()
    _ = try await Unloader(settings: settings, target: target).run {
      ReservoirWriter(capacity: count, seed: seed, kept: kept)
    }
    return kept.rows.withLock { $0 }
  }
}

/// Where a writer leaves what it kept.
private final class KeptRows: Sendable {
  let rows = StateLock(CollectedVectors())
}

/// Keeps a uniform sample of the rows written to it (Vitter's algorithm R, 1985).
private final class ReservoirWriter: FeatureWriter {
  private let capacity: Int
  private var generator: SeededGenerator
  private let kept: KeptRows
  private var rows = CollectedVectors()
  private var seen = 0

  init(capacity: Int, seed: UInt64, kept: KeptRows) {
    self.capacity = capacity
    self.kept = kept
    generator = SeededGenerator(seed: seed)
  }

  func write(id: ImageID, label: String?, vector: [Float]) throws {
    // What is learned from a sample does not depend on ids; those that are texts are numbered.
    let id = id.number ?? Int64(seen)
    seen += 1
    if rows.count < capacity {
      try rows.append(id: id, label: label, vector: vector)
    } else {
      let slot = Int.random(in: 0..<seen, using: &generator)
      if slot < capacity { try rows.replace(slot, id: id, label: label, vector: vector) }
    }
  }

  func finish() throws {
    kept.rows.withLock { $0 = rows }
  }
}

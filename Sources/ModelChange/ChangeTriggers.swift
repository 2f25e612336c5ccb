internal import ImageSearch
internal import PostgresClient
internal import VectorSQL

/// The triggers that keep the other column of vectors true to rows that change.
extension ChangeFiles {
  /// What a trigger sets the column to: an expression of the row's other vector, or nil for NULL.
  func function(clearing column: Identifier, by conversion: VectorConversion?) -> String {
    let value = conversion?.sqlInTrigger(of: "NEW.\(sql(change.column))") ?? "NULL"
    let isBehind = column == change.previous
    // A writer that names no columns would put its vector where the old ones are now, and lose it.
    let guarded =
      isBehind
      ? """

        IF TG_OP = 'INSERT' AND NEW.\(sql(change.previous)) IS NOT NULL AND NEW.\(sql(change.column)) IS NULL THEN
          RAISE EXCEPTION 'this row gives a value to \(sql(change.previous)), which stands where \(sql(change.column)) was'
            USING HINT = 'Fix: name the columns in INSERT and COPY';
        END IF;
      """ : ""
    return """
      CREATE OR REPLACE FUNCTION \(change.sql(change.function))() RETURNS trigger LANGUAGE plpgsql AS $adbvec$
      BEGIN\(guarded)
        NEW.\(sql(column)) := \(value);
        NEW.\(sql(change.state)) := 'changed ' || txid_current();\(isBehind ? otherSource : "")
        RETURN NEW;
      END $adbvec$;
      """
  }

  /// Notes a row that gets another source and keeps its vector: should the switch be taken back and made again, so is the vector.
  private var otherSource: String {
    guard case .images = rollback else { return "" }
    let changes = differs(change.column, type: type, schema: table.server.extensions["vector"]?.schema)
    return """

        IF TG_OP = 'UPDATE' THEN
          IF NOT (\(changes)) THEN
            NEW.\(sql(change.state)) := 'source ' || NEW.\(sql(change.state));
          END IF;
        END IF;
      """
  }

  /// They fire on the row as a user's trigger has left it, and for rows that a subscription writes.
  var triggers: String {
    let procedure = "EXECUTE PROCEDURE \(change.sql(change.function))()"
    let changes = [change.column, change.sourceColumn].compactMap(\.self).map {
      differs($0, type: table.column.typeName, schema: table.server.qualifier(of: "vector"))
    }.joined(separator: " OR ")
    let always =
      table.server.engine.placement == .function
      ? ""
      : [change.insertTrigger, change.updateTrigger].map {
        "\nALTER TABLE \(name) ENABLE ALWAYS TRIGGER \(sql($0));"
      }.joined()
    return """
      CREATE TRIGGER \(sql(change.insertTrigger)) BEFORE INSERT ON \(name)
        FOR EACH ROW \(procedure);
      CREATE TRIGGER \(sql(change.updateTrigger)) BEFORE UPDATE ON \(name)
        FOR EACH ROW WHEN (\(changes)) \(procedure);\(always)
      """
  }

  /// IS DISTINCT FROM finds the operator of an extension on the search path only.
  private func differs(_ column: Identifier, type: String, schema: Identifier?) -> String {
    let (old, new) = ("OLD.\(sql(column))", "NEW.\(sql(column))")
    guard column == change.column, !type.hasSuffix("[]"), let schema else {
      return "\(old) IS DISTINCT FROM \(new)"
    }
    return "coalesce(\(old) OPERATOR(\(sql(schema)).<>) \(new), (\(old) IS NULL) <> (\(new) IS NULL))"
  }

  var dropTriggers: String {
    [change.insertTrigger, change.updateTrigger].map { "DROP TRIGGER \(sql($0)) ON \(name);" }
      .joined(separator: "\n")
  }

  /// What the triggers make of a vector until the switch.
  var forward: VectorConversion? {
    if case .conversion(let conversion) = new.making { conversion } else { nil }
  }

  /// A vector that was only stored otherwise can be stored as before.
  var backward: VectorConversion? {
    guard let forward, !forward.normalises else { return nil }
    return VectorConversion(
      type: table.column.type,
      normalises: false,
      qualifier: forward.qualifier,
      schema: forward.schema
    )
  }

  /// Makes the planner find the rows that wait through their partial index. The new column has no statistics, or those of a while
  /// ago: it would read the whole table, for each portion of a backfill and under the lock of the switch.
  static let byIndex = [
    "SET LOCAL enable_seqscan = off", "SET LOCAL enable_bitmapscan = off", "SET LOCAL enable_sort = off",
  ]

  /// The first statements of a transaction that changes the table: no lock is waited for longer than that while writers queue
  /// behind it. A vacuum is waited for before, by a lock that keeps no writer waiting: the server ends an automatic one for a
  /// waiter of deadlock_timeout, and would never end it for one that gives up earlier.
  static func locking(_ table: ChangedTable, _ time: String) -> String {
    let engine = table.server.engine
    let lines =
      [engine.settingsPrelude].compactMap(\.self) + engine.triggerSettings + [
        "SET LOCAL lock_timeout = '10s'",
        "LOCK TABLE \(table.change.sql(table.change.table)) IN SHARE UPDATE EXCLUSIVE MODE",
        "SET LOCAL lock_timeout = '\(time)'",
      ]
    return lines.map { $0 + ";" }.joined(separator: "\n")
  }
}

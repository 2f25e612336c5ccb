internal import Basics
internal import ImageSearch
internal import Ingestion
internal import PostgresClient
internal import VectorSQL

/// The file that gives the new vectors the column's name, and the old ones back to it: names, indexes and recipes change places
/// in one transaction.
extension ChangeFiles {
  struct Index {
    var old: Identifier
    var build: Identifier
    var aside: Identifier
    var create: String
  }

  /// An index on the new column for each on the old one, and the names that both have before and after.
  func indexes() throws -> [Index] {
    try table.catalog.vectorIndexes.filter { $0.isRebuiltByChange && $0.isValid }.map { old in
      let name = try QualifiedName(validating: old.name).name
      let build = try Identifier(validating: name.name + "_next")
      var options = old.options
      if options["dim"] != nil { options["dim"] = String(new.dimension) }
      let list = options.sorted { $0.key < $1.key }.map { "\($0.key) = '\($0.value)'" }.joined(
        separator: ", "
      )
      let with = list.isEmpty ? "" : "\n  WITH (\(list))"
      let key =
        old.firstPassMetric == nil
        ? "\(sql(change.next)) \(operatorClass(old))" : FirstPassFiles.key(table, change.next, new.dimension)
      return Index(
        old: name,
        build: build,
        aside: try Identifier(validating: name.name + "_previous"),
        create: "CREATE INDEX \(concurrently)\(sql(build)) ON \(self.name)\n"
          + "  USING \(old.method) (\(key))\(with);"
          + (old.firstPassMetric.map { "\n" + FirstPassFiles.comment(change.inSchema(build), $0) } ?? "")
      )
    }
  }

  private func operatorClass(_ index: VectorTable.Index) -> String {
    guard !isAnalyticDB else { return "" }
    let family =
      index.operatorClass.split(separator: "_", maxSplits: 1).last.map(String.init) ?? index.operatorClass
    let bare = type.split(separator: ".").last.map(String.init) ?? type
    let schema = table.server.qualifier(of: "vector").map { sql($0) + "." } ?? ""
    return "\(schema)\(bare.prefix { $0 != "(" })_\(family)"
  }

  func switching(_ indexes: [Index]) -> String {
    let (there, back) = (renames(indexes), renames(indexes, back: true))
    let carried = table.dependents.dependents.flatMap { $0.statements ?? [] }.map { $0 + ";\n" }.joined()
    // Rows without an image may stay without a vector; else what was NOT NULL stays so for writers.
    let keepsRequired = table.column.isRequired && leavesNoRowOut
    let required =
      table.column.isRequired
      ? "ALTER TABLE \(name) ALTER COLUMN \(sql(change.previous)) DROP NOT NULL;\n"
        + (keepsRequired
          ? "ALTER TABLE \(name) ADD CONSTRAINT \(sql(change.required)) CHECK (\(sql(change.column)) IS NOT NULL) NOT VALID;\n"
          : "") : ""
    let freed = keepsRequired ? "ALTER TABLE \(name) DROP CONSTRAINT \(sql(change.required));\n" : ""
    return """
      -- The new vectors take the column's name, the old ones stay beside them. Rows that changed meanwhile are done first;
      -- the lock is asked for shortly, and again until no such row is left under it.
      -- lint:ignore D005 programs use the old name, which the new vectors get in the same moment
      -- migrate:up lock-timeout:100ms
      \(step(filling: change.next, new.making, missing))
      \(Self.locking(table, "100ms"))
      LOCK TABLE \(name) IN ACCESS EXCLUSIVE MODE;
      \(check(change.next))
      \(dropTriggers)
      \(there)
      \(required)\(function(clearing: change.previous, by: backward))
      \(triggers)
      \(carried)\(movingRecipes(from: change.column, to: change.previous, then: change.next, change.column))

      -- migrate:down lock-timeout:100ms
      \(rollback.map { step(filling: change.previous, $0, .keep) } ?? "-- Rows that were written since have no old vector.")
      \(Self.locking(table, "100ms"))
      LOCK TABLE \(name) IN ACCESS EXCLUSIVE MODE;
      \(rollback == nil ? refusal : check(change.previous))
      \(dropTriggers)
      \(freed)\(back)
      \(function(clearing: change.next, by: forward))
      \(triggers)
      \(carried)\(movingRecipes(from: change.column, to: change.next, then: change.previous, change.column))

      """
  }

  private var leavesNoRowOut: Bool {
    if case .images = new.making { missing == .fail } else { true }
  }

  /// The error is one after which the run tries again, with the step before it.
  private func check(_ column: Identifier) -> String {
    """
    \(Self.byIndex.map { $0 + ";" }.joined(separator: "\n"))
    DO $adbvec$ BEGIN
      IF EXISTS (SELECT 1 FROM \(name) WHERE \(change.pending(column))) THEN
        RAISE EXCEPTION 'rows changed before the lock was there' USING ERRCODE = 'lock_not_available';
      END IF;
    END $adbvec$;
    """
  }

  private var refusal: String {
    """
    \(Self.byIndex.map { $0 + ";" }.joined(separator: "\n"))
    DO $adbvec$ BEGIN
      IF EXISTS (SELECT 1 FROM \(name) WHERE \(change.pending(change.previous))) THEN
        RAISE EXCEPTION 'rows were written since the switch, and nothing makes old vectors of them'
          USING HINT = 'Fix: stay with the new vectors, or remove this check to leave those rows without one';
      END IF;
    END $adbvec$;
    """
  }

  private func renames(_ indexes: [Index], back: Bool = false) -> String {
    func column(_ from: Identifier, _ to: Identifier) -> String {
      "ALTER TABLE \(name) RENAME COLUMN \(sql(from)) TO \(sql(to));"
    }
    func index(_ from: Identifier, _ to: Identifier) -> String {
      "ALTER INDEX \(change.inSchema(from)) RENAME TO \(sql(to));"
    }
    let (out, into) = back ? (change.next, change.previous) : (change.previous, change.next)
    var lines = [column(change.column, out), column(into, change.column)]
    for one in indexes {
      lines += [
        index(one.old, back ? one.build : one.aside), index(back ? one.aside : one.build, one.old),
      ]
    }
    return lines.joined(separator: "\n")
  }

  /// Recipes follow their columns, and the journal of loads follows the recipe: a load goes on with the model of the column.
  /// One that runs at this moment makes vectors of the other model, and its next batch is refused.
  private func movingRecipes(
    from: Identifier,
    to: Identifier,
    then other: Identifier,
    _ last: Identifier
  ) -> String {
    let moves = [(from, to), (other, last)].map {
      "UPDATE \(store) SET column_name = '\($1.name)' WHERE table_name = '\(change.table.name.name)' AND column_name = '\($0.name)';"
    }
    let loads = change.inSchema("adbvec_load")
    return guarded(moves) + "\n" + """
      DO $adbvec$ BEGIN
        IF EXISTS (SELECT 1 FROM pg_attribute WHERE attrelid = to_regclass('\(loads)') AND attname = 'run_token') THEN
          UPDATE \(loads) SET run_token = 'switched' WHERE table_oid = '\(name)'::regclass::oid::int8;
          IF to_regclass('\(store)') IS NOT NULL THEN
            UPDATE \(loads) l SET recipe = r.recipe FROM \(store) r
            WHERE l.table_oid = '\(name)'::regclass::oid::int8 AND l.recipe <> ''
              AND r.table_name = '\(change.table.name.name)' AND r.column_name = '\(last.name)';
          END IF;
        END IF;
      END $adbvec$;
      """
  }

  func forgettingRecipe(of column: Identifier) -> String {
    guarded([
      "DELETE FROM \(store) WHERE table_name = '\(change.table.name.name)' AND column_name = '\(column.name)';"
    ])
  }

  private var store: String { change.inSchema("adbvec_recipe") }

  /// The table of recipes is made with the first of them.
  private func guarded(_ statements: [String]) -> String {
    """
    DO $adbvec$ BEGIN
      IF to_regclass('\(store)') IS NOT NULL THEN
    \(statements.map { "    " + $0 }.joined(separator: "\n"))
      END IF;
    END $adbvec$;
    """
  }

  /// How rows that were written after the switch get the vector that they would have had before it.
  var rollback: VectorMaking? {
    if let backward { return .conversion(backward) }
    guard let recipe = table.recipe?.recipe, recipe[.architecture] != nil, recipe[.weights] != nil,
      change.sourceColumn != nil
    else { return nil }
    return .images(recipe)
  }
}

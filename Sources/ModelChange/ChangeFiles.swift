internal import Basics
internal import Ingestion
internal import ImageSearch
internal import Migrations
internal import PostgresClient
internal import VectorSQL

/// The files of a change: ordinary migrations, written once for a person to read before they run.
///
/// Five go up one after the other; the sixth, which drops the old vectors, is written later, when nobody wants them back.
public struct ChangeFiles: Sendable {
  /// A file: what it does in its name, and its text.
  public typealias File = (name: String, text: String)

  let table: ChangedTable
  let making: VectorMaking
  /// The new column's type, as SQL writes it.
  let type: String
  /// The new column's dimension.
  let dimension: Int
  let missing: MissingImages
  let limits: GateLimits
  /// What the change is called in the files' names.
  let title: String

  private var change: VectorChange { table.change }
  private var name: String { change.sql(change.table) }
  private func sql(_ name: Identifier) -> String { change.sql(name) }
  private var isAnalyticDB: Bool { table.server.hasAnnIndex && table.column.typeName.hasSuffix("[]") }

  /// The files of a change.
  /// - Throws: `ChangeError` naming everything that depends on the old column and cannot be carried to the new one, and for
  ///   a type that the server cannot index.
  public init(
    _ table: ChangedTable,
    making: VectorMaking,
    type: String,
    dimension: Int,
    missing: MissingImages,
    limits: GateLimits,
    title: String
  ) throws {
    self.table = table
    self.making = making
    self.type = type
    self.dimension = dimension
    self.missing = missing
    self.limits = limits
    self.title = title
    guard !table.isUnderWay else {
      throw ChangeError(
        "\(table.change.table.quoted) has columns of a change already (\(table.change.next.name), "
          + "\(table.change.previous.name) or \(table.change.state.name)). Fix: finish that change, with 'adbvec migrate new "
          + "--contract' once its switch has been applied"
      )
    }
    if case .images = making, table.change.sourceColumn == nil {
      throw ChangeError(
        "\(table.change.table.quoted) has no column that says where its images are. Fix: name it with --source-column"
      )
    }
    let stuck = table.dependents.filter {
      $0.statements == nil || $0.needsSameType && type != table.column.type
    }
    guard stuck.isEmpty else {
      throw ChangeError(
        "\(stuck.map(\.name).joined(separator: ", ")) depend on \(table.change.column.name), and nothing moves them to the "
          + "new column. Fix: drop them in a migration before the change and make them again in one behind it"
      )
    }
  }

  /// The files up to the switch.
  public func files() throws -> [File] {
    var files = [File("\(title) expand", expand), File("\(title) backfill", backfill)]
    let indexes = try self.indexes()
    if !indexes.isEmpty { files.append(File("\(title) index", index(indexes))) }
    files += [File("\(title) gate", gate), File("\(title) switch", switching(indexes))]
    return files.enumerated().map { number, file in
      (file.name, "-- \(summary), step \(number + 1) of \(files.count).\n" + file.text)
    }
  }

  private var summary: String { "New vectors for \(name).\(sql(change.column)): \(recipeWords)" }

  private var recipeWords: String {
    switch making {
    case .images(let recipe):
      "\(recipe[.architecture] ?? "a model") \(recipe[.feature] ?? ""), \(table.column.type) to \(type)"
    case .conversion: "\(table.column.type) to \(type)"
    case .projection: "by a projection, \(table.column.type) to \(type)"
    }
  }

  // 1. The second column.

  private var expand: String {
    let storage =
      table.column.storage == "p" && fitsPage
      ? "\nALTER TABLE \(name) ALTER COLUMN \(sql(change.next)) SET STORAGE PLAIN;" : ""
    let grants = table.grants.map {
      "\nGRANT \($0.privilege) (\(sql(change.next))) ON \(name) TO \($0.role);"
    }.joined()
    let pending = [(change.pendingIndex, change.next), (change.pendingPreviousIndex, change.column)].map {
      "CREATE INDEX \(concurrently)\(sql($0)) ON \(name) (\(sql(change.idColumn)))\n  WHERE \(change.pending($1));"
    }
    return """
      -- A second column, and triggers that clear it in rows whose image or vector changes meanwhile. Rows with no vector
      -- in it are the work that is left; a partial index finds them.
      -- migrate:up transaction:false
      BEGIN;
      SET LOCAL lock_timeout = '200ms';
      ALTER TABLE \(name) ADD COLUMN \(sql(change.next)) \(type), ADD COLUMN \(sql(change.state)) text;\(storage)\(grants)
      \(function(clearing: change.next, by: forward))
      \(triggers)
      COMMIT;
      \(pending.joined(separator: "\n"))

      -- migrate:down transaction:false
      DROP INDEX \(concurrently)IF EXISTS \(change.inSchema(change.pendingPreviousIndex));
      DROP INDEX \(concurrently)IF EXISTS \(change.inSchema(change.pendingIndex));
      BEGIN;
      SET LOCAL lock_timeout = '200ms';
      \(dropTriggers)
      DROP FUNCTION \(change.sql(change.function))();
      ALTER TABLE \(name) DROP COLUMN \(sql(change.next)), DROP COLUMN \(sql(change.state));
      \(forgettingRecipe(of: change.next))
      COMMIT;

      """
  }

  /// Whether a page has room for both vectors and the rest of the row.
  private var fitsPage: Bool {
    let old = table.column.valueBytes(dimension: table.dimension) ?? 0
    let new = dimension * (type.contains("halfvec") ? 2 : 4) + 24
    return old + new < VectorTable.pageRoom(blockSize: table.server.blockSize) - 128
  }

  private var concurrently: String { table.server.supportsConcurrentIndex ? "CONCURRENTLY " : "" }

  /// What a trigger sets the column to: an expression of the row's other vector, or nil for NULL.
  private func function(clearing column: Identifier, by conversion: VectorConversion?) -> String {
    let value = conversion?.sql(of: "NEW.\(sql(change.column))") ?? "NULL"
    // A writer that names no columns would put its vector where the old ones are now, and lose it.
    let guarded =
      column == change.previous
      ? """

        IF TG_OP = 'INSERT' AND NEW.\(sql(change.previous)) IS NOT NULL THEN
          RAISE EXCEPTION 'this row gives a value to \(sql(change.previous)), which stands where \(sql(change.column)) was'
            USING HINT = 'Fix: name the columns in INSERT and COPY';
        END IF;
      """ : ""
    return """
      CREATE OR REPLACE FUNCTION \(change.sql(change.function))() RETURNS trigger LANGUAGE plpgsql AS $adbvec$
      BEGIN\(guarded)
        NEW.\(sql(column)) := \(value);
        NEW.\(sql(change.state)) := 'changed ' || txid_current();
        RETURN NEW;
      END $adbvec$;
      """
  }

  private var triggers: String {
    let procedure = "FOR EACH ROW EXECUTE PROCEDURE \(change.sql(change.function))()"
    let columns = [change.column, change.sourceColumn].compactMap(\.self)
    let isComparable = isAnalyticDB || table.server.qualifier(of: "vector") == nil
    let when =
      isComparable
      ? "UPDATE ON \(name)\n  FOR EACH ROW WHEN ("
        + columns.map { "OLD.\(sql($0)) IS DISTINCT FROM NEW.\(sql($0))" }.joined(separator: " OR ")
        + ") EXECUTE PROCEDURE \(change.sql(change.function))();"
      : "UPDATE OF \(columns.map(sql).joined(separator: ", ")) ON \(name)\n  \(procedure);"
    return """
      CREATE TRIGGER \(sql(change.insertTrigger)) BEFORE INSERT ON \(name)
        \(procedure);
      CREATE TRIGGER \(sql(change.updateTrigger)) BEFORE \(when)
      """
  }

  private var dropTriggers: String {
    [change.insertTrigger, change.updateTrigger].map { "DROP TRIGGER \(sql($0)) ON \(name);" }
      .joined(separator: "\n")
  }

  // 2. The vectors.

  private var backfill: String {
    """
    -- The vectors of the rows that are there. It goes on where it stopped; 'adbvec reembed' does a share of it on another
    -- machine at the same time.
    -- migrate:up transaction:false
    \(step(filling: change.next, making, missing))

    -- migrate:down transaction:false
    -- The vectors go with their column, in the way down of the step before.

    """
  }

  /// The directive that makes a column's vectors.
  private func step(filling column: Identifier, _ making: VectorMaking, _ missing: MissingImages) -> String {
    var words = [
      "table=\(plain(change.table))", "column=\(column.name)", "of=\(change.column.name)",
      "id=\(change.idColumn.name)",
    ]
    if let source = change.sourceColumn { words.append("source=\(source.name)") }
    var lines: [String] = []
    switch making {
    case .images(let recipe):
      words.append("missing=\(missing.rawValue)")
      lines = Self.lines(recipe)
    case .conversion(let conversion):
      lines = ["\"convert=\(conversion.sql(of: sql(change.column)))\""]
    case .projection(let file, let recipe):
      lines = ["\"project=\(file)\""] + Self.lines(recipe)
    }
    return "-- adbvec:backfill " + words.joined(separator: " ") + lines.map { "\n--   \($0)" }.joined()
  }

  private func plain(_ name: QualifiedName) -> String {
    [name.schema?.name, name.name.name].compactMap(\.self).joined(separator: ".")
  }

  /// The fields of a recipe, a few to a line.
  private static func lines(_ recipe: Recipe) -> [String] {
    var lines: [String] = []
    for (field, value) in recipe.fields {
      let word = value.contains(" ") ? "\"\(field.rawValue)=\(value)\"" : "\(field.rawValue)=\(value)"
      if let last = lines.last, last.utf8.count + word.utf8.count < 110 {
        lines[lines.count - 1] += " " + word
      } else {
        lines.append(word)
      }
    }
    return lines
  }

  // 3. The index.

  private struct Index {
    var old: Identifier
    var build: Identifier
    var aside: Identifier
    var create: String
  }

  /// An index on the new column for each on the old one.
  private func indexes() throws -> [Index] {
    try table.catalog.vectorIndexes.filter { $0.expression == nil && $0.predicate == nil && $0.isValid }.map {
      old in
      let name = try QualifiedName(validating: old.name).name
      let build = try Identifier(validating: name.name + "_next")
      var options = old.options
      if options["dim"] != nil { options["dim"] = String(dimension) }
      let list = options.sorted { $0.key < $1.key }.map { "\($0.key) = '\($0.value)'" }.joined(
        separator: ", "
      )
      let with = list.isEmpty ? "" : "\n  WITH (\(list))"
      return Index(
        old: name,
        build: build,
        aside: try Identifier(validating: name.name + "_previous"),
        create: "CREATE INDEX \(concurrently)\(sql(build)) ON \(self.name)\n"
          + "  USING \(old.method) (\(sql(change.next)) \(operatorClass(old)))\(with);"
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

  private func index(_ indexes: [Index]) -> String {
    let memory = ChangeEstimate.graphKilobytes(rows: ChangeEstimate.rows(table), dimension: dimension)
    return """
      -- The index, built beside the one that serves searches. The memory is what the graph of the rows that are there now
      -- needs; a server that has less builds more slowly, and says so.
      -- migrate:up transaction:false
      SET maintenance_work_mem = '\(max(65_536, min(memory, 2_097_151)))kB';
      \(indexes.map(\.create).joined(separator: "\n"))
      RESET maintenance_work_mem;

      -- migrate:down transaction:false
      \(indexes.map { "DROP INDEX \(concurrently)IF EXISTS \(change.inSchema($0.build));" }.joined(separator: "\n"))

      """
  }

  // 4. The comparison.

  private var gate: String {
    var words = [
      "table=\(plain(change.table))", "column=\(change.next.name)", "of=\(change.column.name)",
      "id=\(change.idColumn.name)",
    ]
    if let name = table.classColumn { words.append("class=\(name.name)") }
    return """
      -- The old and the new vectors compared on a sample; a loss beyond these limits ends the run here. Numbers and chart
      -- are written beside this file.
      -- migrate:up transaction:false
      -- adbvec:gate \(words.joined(separator: " "))
      --   \(limits.words)

      -- migrate:down transaction:false
      -- There is nothing to undo.

      """
  }

  // 5. The switch.

  private func switching(_ indexes: [Index]) -> String {
    let (there, back) = (renames(indexes), renames(indexes, back: true))
    let carried = table.dependents.flatMap { $0.statements ?? [] }.map { $0 + ";\n" }.joined()
    let required =
      table.column.isRequired
      ? "ALTER TABLE \(name) ALTER COLUMN \(sql(change.previous)) DROP NOT NULL;\n" : ""
    return """
      -- The new vectors take the column's name, the old ones stay beside them. Rows that changed meanwhile are done first;
      -- the lock is asked for shortly, and again until no such row is left under it.
      -- lint:ignore D005 programs use the old name, which the new vectors get in the same moment
      -- migrate:up lock-timeout:100ms
      \(step(filling: change.next, making, missing))
      LOCK TABLE \(name) IN ACCESS EXCLUSIVE MODE;
      \(check(change.next))
      \(dropTriggers)
      \(there)
      \(required)\(function(clearing: change.previous, by: backward))
      \(triggers)
      \(carried)\(movingRecipes(from: change.column, to: change.previous, then: change.next, change.column))

      -- migrate:down lock-timeout:100ms
      \(rollback.map { step(filling: change.previous, $0, .keep) } ?? "-- Rows that were written since have no old vector.")
      LOCK TABLE \(name) IN ACCESS EXCLUSIVE MODE;
      \(rollback == nil ? refusal : check(change.previous))
      \(dropTriggers)
      \(back)
      \(function(clearing: change.next, by: forward))
      \(triggers)
      \(carried)\(movingRecipes(from: change.column, to: change.next, then: change.previous, change.column))

      """
  }

  /// The error is one after which the run tries again, with the step before it.
  private func check(_ column: Identifier) -> String {
    """
    DO $adbvec$ BEGIN
      IF EXISTS (SELECT 1 FROM \(name) WHERE \(change.pending(column))) THEN
        RAISE EXCEPTION 'rows changed before the lock was there' USING ERRCODE = 'lock_not_available';
      END IF;
    END $adbvec$;
    """
  }

  private var refusal: String {
    """
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

  private func forgettingRecipe(of column: Identifier) -> String {
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

  // What triggers and the way back make of a vector.

  private var forward: VectorConversion? {
    if case .conversion(let conversion) = making { conversion } else { nil }
  }

  /// A vector that was only stored otherwise can be stored as before.
  private var backward: VectorConversion? {
    guard let forward, !forward.normalises else { return nil }
    return VectorConversion(type: table.column.type, normalises: false)
  }

  /// How rows that were written after the switch get the vector that they would have had before it.
  private var rollback: VectorMaking? {
    if let backward { return .conversion(backward) }
    guard let recipe = table.recipe?.recipe, recipe[.architecture] != nil, recipe[.weights] != nil,
      change.sourceColumn != nil
    else { return nil }
    return .images(recipe)
  }

  // 6. The end, written later.

  /// The file that drops the old vectors.
  /// - Parameters:
  ///   - missing: `drop` deletes the rows whose image was not there.
  ///   - count: how many those are now.
  public static func contract(
    _ change: VectorChange,
    missing: MissingImages,
    count: Int,
    title: String
  ) -> File {
    let name = change.sql(change.table)
    let deletion =
      missing == .drop && count > 0
      ? "-- \(count) \(count == 1 ? "row" : "rows") when this file was written.\nDELETE FROM \(name) WHERE \(change.missing(change.column));\n"
      : ""
    let store = change.inSchema("adbvec_recipe")
    let text = """
      -- The old vectors of \(name).\(change.sql(change.column)) go, with everything that the change added. There is no way back.
      -- lint:ignore D004 the vectors are those that the switch has put aside
      -- migrate:up lock-timeout:200ms
      \(deletion)DROP TRIGGER \(change.sql(change.insertTrigger)) ON \(name);
      DROP TRIGGER \(change.sql(change.updateTrigger)) ON \(name);
      DROP FUNCTION \(change.sql(change.function))();
      ALTER TABLE \(name) DROP COLUMN \(change.sql(change.previous)), DROP COLUMN \(change.sql(change.state));
      DO $adbvec$ BEGIN
        IF to_regclass('\(store)') IS NOT NULL THEN
          DELETE FROM \(store) WHERE table_name = '\(change.table.name.name)' AND column_name = '\(change.previous.name)';
        END IF;
      END $adbvec$;

      -- migrate:down irreversible:"the old vectors are gone"

      """
    return ("\(title) contract", text)
  }
}

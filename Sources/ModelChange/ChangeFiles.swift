internal import Basics
internal import Ingestion
internal import ImageSearch
internal import Migrations
internal import PostgresClient
internal import VectorSQL

/// The files of a change: ordinary migrations, written once for a person to read before they run.
///
/// Five go up one after the other; the last, which drops the old vectors, is written later, when nobody wants them back.
public struct ChangeFiles: Sendable {
  /// A file: what it does in its name, and its text.
  public typealias File = (name: String, text: String)

  let table: ChangedTable
  let new: NewVectors
  let missing: MissingImages
  let limits: GateLimits
  /// What the change is called in the files' names.
  let title: String

  var type: String { new.type }
  var change: VectorChange { table.change }
  var name: String { change.sql(change.table) }
  func sql(_ name: Identifier) -> String { change.sql(name) }
  var isAnalyticDB: Bool { table.server.hasAnnIndex && table.column.typeName.hasSuffix("[]") }
  var concurrently: String { table.server.supportsConcurrentIndex ? "CONCURRENTLY " : "" }

  /// The files of a change.
  /// - Throws: `ChangeError` naming everything that depends on the old column and cannot be carried to the new one, and for
  ///   a type that the server cannot index.
  public init(
    _ table: ChangedTable,
    _ new: NewVectors,
    missing: MissingImages,
    limits: GateLimits,
    title: String
  ) throws {
    self.table = table
    self.new = new
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
    if case .images = new.making, table.change.sourceColumn == nil {
      throw ChangeError(
        "\(table.change.table.quoted) has no column that says where its images are. Fix: name it with --source-column"
      )
    }
    let stuck = table.dependents.dependents.filter {
      $0.statements == nil || $0.needsSameType && new.type != table.column.type
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
    switch new.making {
    case .images(let recipe):
      "\(recipe[.architecture] ?? "a model") \(recipe[.feature] ?? ""), \(table.column.type) to \(type)"
    case .conversion: "\(table.column.type) to \(type)"
    case .projection: "by a projection, \(table.column.type) to \(type)"
    }
  }

  // The second column.

  private var expand: String {
    let storage =
      table.column.storage == "p" && fitsPage && table.server.engine.placement != .function
      ? "\nALTER TABLE \(name) ALTER COLUMN \(sql(change.next)) SET STORAGE PLAIN;" : ""
    let traits = table.dependents.traits.map { "\n\($0);" }.joined()
    let pending = [(change.pendingIndex, change.next), (change.pendingPreviousIndex, change.column)].map {
      "CREATE INDEX \(concurrently)\(sql($0)) ON \(name) (\(sql(change.idColumn)))\n  WHERE \(change.pending($1));"
    }
    return """
      -- A second column, and triggers that clear it in rows whose image or vector changes meanwhile. Rows with no vector
      -- in it are the work that is left; a partial index finds them.
      -- migrate:up transaction:false
      BEGIN;
      \(Self.locking(table, "200ms"))
      ALTER TABLE \(name) ADD COLUMN \(sql(change.next)) \(type), ADD COLUMN \(sql(change.state)) text;\(storage)\(traits)
      \(function(clearing: change.next, by: forward))
      \(triggers)
      COMMIT;
      \(pending.joined(separator: "\n"))

      -- migrate:down transaction:false
      DROP INDEX \(concurrently)IF EXISTS \(change.inSchema(change.pendingPreviousIndex));
      DROP INDEX \(concurrently)IF EXISTS \(change.inSchema(change.pendingIndex));
      \(requiringAgain.check)BEGIN;
      \(Self.locking(table, "200ms"))
      \(dropTriggers)
      DROP FUNCTION \(change.sql(change.function))();
      \(requiringAgain.set)ALTER TABLE \(name) DROP COLUMN \(sql(change.next)), DROP COLUMN \(sql(change.state));
      \(forgettingRecipe(of: change.next))
      COMMIT;

      """
  }

  /// A switch takes NOT NULL from the old column; the last step back gives it again, as fast as the check allows it.
  private var requiringAgain: (check: String, set: String) {
    guard table.column.isRequired else { return ("", "") }
    let check = """
      BEGIN;
      \(Self.locking(table, "200ms"))
      ALTER TABLE \(name) DROP CONSTRAINT IF EXISTS \(sql(change.required));
      ALTER TABLE \(name) ADD CONSTRAINT \(sql(change.required)) CHECK (\(sql(change.column)) IS NOT NULL) NOT VALID;
      COMMIT;
      ALTER TABLE \(name) VALIDATE CONSTRAINT \(sql(change.required));

      """
    return (check, Self.requiring(change))
  }

  /// NOT NULL in the place of a check that has been validated, so that the server need not look at the rows.
  static func requiring(_ change: VectorChange) -> String {
    let name = change.sql(change.table)
    return """
      ALTER TABLE \(name) ALTER COLUMN \(change.sql(change.column)) SET NOT NULL;
      ALTER TABLE \(name) DROP CONSTRAINT \(change.sql(change.required));

      """
  }

  /// Whether a page has room for both vectors and the rest of the row.
  private var fitsPage: Bool {
    let old = table.column.valueBytes(dimension: table.dimension) ?? 0
    let bytes = new.dimension * (type.contains("halfvec") ? 2 : 4) + 24
    return old + bytes < VectorTable.pageRoom(blockSize: table.server.blockSize) - 128
  }

  // The vectors.

  private var backfill: String {
    """
    -- The vectors of the rows that are there. It goes on where it stopped; 'adbvec reembed' does a share of it on another
    -- machine at the same time.
    -- migrate:up transaction:false
    \(step(filling: change.next, new.making, missing))

    -- migrate:down transaction:false
    -- The vectors go with their column, in the way down of the step before.

    """
  }

  /// The directive that makes a column's vectors.
  func step(filling column: Identifier, _ making: VectorMaking, _ missing: MissingImages) -> String {
    var words = [
      "table=\(plain(change.table))", "column=\(column.name)", "of=\(change.column.name)",
      "id=\(change.idColumn.name)",
    ]
    if column == change.next {
      words.append(type.contains(" ") ? "\"type=\(type)\"" : "type=\(type)")
      words.append("dimension=\(new.dimension)")
    }
    if let source = change.sourceColumn { words.append("source=\(source.name)") }
    var lines: [String] = []
    switch making {
    case .images(let recipe):
      words.append("missing=\(missing.rawValue)")
      lines = Self.lines(recipe)
    case .conversion(let conversion):
      lines =
        [Quoting.doubling("convert=\(conversion.sql(of: sql(change.column)))")]
        + (conversion.normalises ? ["normalise=yes"] : [])
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

  // The index.

  private func index(_ indexes: [Index]) -> String {
    let memory = ChangeEstimate.graphKilobytes(rows: ChangeEstimate.rows(table), dimension: new.dimension)
    let create = indexes.map(\.create).joined(separator: "\n")
    // The nodes of a cluster build with their own settings, which a session does not change.
    let build =
      table.server.isDistributed
      ? create
      : """
      SET maintenance_work_mem = '\(max(65_536, min(memory, 2_097_151)))kB';
      \(create)
      RESET maintenance_work_mem;
      """
    return """
      -- The index, built beside the one that serves searches. The memory is what the graph of the rows that are there now
      -- needs; a server that has less builds more slowly, and says so.
      -- migrate:up transaction:false
      \(build)

      -- migrate:down transaction:false
      \(indexes.map { "DROP INDEX \(concurrently)IF EXISTS \(change.inSchema($0.build));" }.joined(separator: "\n"))

      """
  }

  // The comparison.

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

  // The end, written later.

  /// What a person should know before the file that drops the old vectors, a sentence each.
  /// - Parameters:
  ///   - count: the rows without a vector because their image was not there.
  ///   - others: the rows that got another source behind the switch and kept their vector.
  public static func warnings(missing: MissingImages, count: Int, others: Int) -> [String] {
    var warnings: [String] = []
    if others > 0 {
      warnings.append(
        "\(counted(others, "row")) got another source behind the switch and kept the vector. Where that is another image, and not "
          + "the same one in another place: delete the file; 'adbvec migrate down' and 'adbvec migrate up' make the vector; then "
          + "write the file again"
      )
    }
    if count > 0 {
      let rows = counted(count, "row") + " without a vector, whose images were not there"
      warnings.append(
        missing == .drop
          ? "the file deletes \(rows)" : "\(rows), stay; --missing drop writes a file that deletes them"
      )
    }
    return warnings
  }

  /// The file that drops the old vectors, behind one that looks whether no row lacks a vector where the old ones were NOT NULL.
  /// - Parameters:
  ///   - missing: `drop` deletes the rows whose image was not there.
  ///   - count: how many those are now.
  public static func contract(
    _ table: ChangedTable,
    missing: MissingImages,
    count: Int,
    title: String
  ) -> [File] {
    let change = table.change
    let name = change.sql(change.table)
    let deletion =
      missing == .drop && count > 0
      ? "-- \(count) \(count == 1 ? "row" : "rows") when this file was written.\nDELETE FROM \(name) WHERE \(change.missing(change.column));\n"
      : ""
    let store = change.inSchema("adbvec_recipe")
    let proven =
      table.dependents.hasRequiredCheck
      ? "-- lint:ignore D003 a check that was validated proves it, so that no row is looked at\n" : ""
    let text = """
      -- The old vectors of \(name).\(change.sql(change.column)) go, with everything that the change added. There is no way back.
      -- lint:ignore D004 the vectors are those that the switch has put aside
      \(proven)-- migrate:up lock-timeout:200ms
      \(locking(table, "200ms"))
      \(deletion)DROP TRIGGER \(change.sql(change.insertTrigger)) ON \(name);
      DROP TRIGGER \(change.sql(change.updateTrigger)) ON \(name);
      DROP FUNCTION \(change.sql(change.function))();
      \(table.dependents.hasRequiredCheck ? requiring(change) : "")ALTER TABLE \(name) DROP COLUMN \(change.sql(change.previous)), DROP COLUMN \(change.sql(change.state));
      DO $adbvec$ BEGIN
        IF to_regclass('\(store)') IS NOT NULL THEN
          DELETE FROM \(store) WHERE table_name = '\(change.table.name.name)' AND column_name = '\(change.previous.name)';
        END IF;
      END $adbvec$;

      -- migrate:down irreversible:"the old vectors are gone"

      """
    let last: File = ("\(title) contract", text)
    guard table.dependents.hasRequiredCheck else { return [last] }
    let validation = """
      -- No row of \(name) may lack a vector again, as before the change. Readers and writers go on while the rows are looked at.
      -- migrate:up transaction:false
      ALTER TABLE \(name) VALIDATE CONSTRAINT \(change.sql(change.required));

      -- migrate:down transaction:false
      -- There is nothing to undo.

      """
    return [("\(title) required", validation), last]
  }
}

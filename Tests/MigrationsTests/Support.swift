import Migrations
import Testing

/// A migrator of files that stand in the test.
func migrator(
  _ files: [String: String],
  manifest: String? = nil,
  parameters: [String: String] = [:],
  dialect: MigrationDialect = .pgvector,
  _ change: (inout MigratorOptions) -> Void = { _ in }
) throws -> Migrator {
  var options = MigratorOptions()
  change(&options)
  return try Migrator(
    source: .embedded(files, manifest: manifest),
    parameters: parameters,
    dialect: dialect,
    options: options
  )
}

/// The SQL of one file's `up` section.
func rendered(
  _ text: String,
  manifest: String,
  parameters: [String: String] = [:],
  dialect: MigrationDialect = .pgvector,
  _ change: (inout MigratorOptions) -> Void = { _ in }
) throws -> String {
  let files = ["1_a.sql": "-- migrate:up\n" + text]
  return try migrator(files, manifest: manifest, parameters: parameters, dialect: dialect, change).render()[0]
    .up
}

/// The error that a body throws, the first where there are several.
func problem(_ body: () throws -> Void) -> MigrationError? {
  do { try body() } catch let error as MigrationError { return error } catch let errors as MigrationErrors {
    return errors.errors.first
  } catch {}
  return nil
}

import Foundation
import Migrations
import PostgresClient

/// A server that brings its schema up to date before it takes requests.
///
/// The migrations are part of the program, so it needs no files beside it; several copies may start at once, for one of
/// them migrates while the others wait.
@main
struct MigrateAtStart {
  static let files = [
    "0001_create_visits.sql": """
    -- migrate:up
    CREATE TABLE {{table}} (id bigserial PRIMARY KEY, path text NOT NULL, at timestamptz NOT NULL DEFAULT now());

    -- migrate:down
    DROP TABLE {{table}};
    """,
    "R__visits_by_path.sql": """
    -- migrate:up
    CREATE OR REPLACE VIEW visits_by_path AS SELECT path, count(*) AS visits FROM {{table}} GROUP BY path;
    """,
  ]

  static let manifest = """
    table:
      type: identifier
      default: visits
    """

  static func main() async throws {
    let environment = ProcessInfo.processInfo.environment
    let connection = try await PostgresConnection.connect(
      ConnectionSettings(url: environment["DATABASE_URL"])
    )
    try await migrate(connection)
    print("ready")
    // … start listening here.
  }

  static func migrate(_ connection: PostgresConnection) async throws {
    let migrator = try Migrator(source: .embedded(files, manifest: manifest), dialect: .pgvector)
    let run = migrator.up(on: connection)
    for await event in run {
      switch event {
      case .waitingForLock: print("another copy is migrating; waiting")
      case .finished(let id, let name, _, let milliseconds):
        print("migrated \(id) \(name) in \(milliseconds) ms")
      default: break
      }
    }
    // Throws what stopped the run; a server with half a schema should not start.
    _ = try await run.report
  }
}

public import ArgumentParser
import Basics
import CMigrations
import CommandSupport
import FoundationEssentials
public import Migrations

/// `adbvec migrate init`.
struct MigrateInit: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "init",
    abstract: "Write the migrations in the program to a folder for editing.",
    discussion: """
      The folder is --migrations, else ADBVEC_MIGRATIONS, else ./migrations; the files of every dialect are written. A \
      file that exists already must be equal, else nothing is written.
      """
  )

  @OptionGroup var options: MigrateOptions

  mutating func run() async throws {
    let folder = try options.settings()[.migrations]?.text ?? "migrations"
    let files = ShippedMigrations.files.map { (path: "\(folder)/\($0.path)", bytes: $0.bytes) }
    var missing: [(path: String, bytes: [UInt8])] = []
    for file in files {
      guard let data = FileManager.default.contents(atPath: file.path) else {
        missing.append(file)
        continue
      }
      guard Array(data) == file.bytes else {
        throw CommandFailure(
          "\(file.path) exists and differs from the migration in the program; nothing was written",
          fix: "name another folder with --migrations"
        )
      }
    }
    for file in missing {
      let parent = String(file.path[..<(file.path.lastIndex(of: "/") ?? file.path.startIndex)])
      do {
        try FileManager.default.createDirectory(atPath: parent, withIntermediateDirectories: true)
      } catch {
        throw CommandFailure("cannot create the folder \(parent)", fix: "name another with --migrations")
      }
      try AtomicFile.write(file.bytes, to: file.path)
    }
    switch options.format {
    case .json: try JSONReport(command: "migrate init", result: ["files": files.map(\.path)]).print()
    case .text: for file in files { try Output.line(file.path) }
    }
  }
}

/// `adbvec migrate new`.
struct MigrateNew: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "new",
    abstract: "Write an empty migration, or the files that change a table's model, and print their paths.",
    discussion: """
      The version follows those in the folder: the next number, or the time.

      With --re-embed the table's vectors are replaced by those of another model, feature or type while the table is in \
      use: a second column, its vectors, its index, a comparison of both, and the switch, each a file to read before 'up'. \
      What is not given stays as the table's recipe says. --contract writes the last file, which drops the old vectors.

        \(CommandRunner.migrateCommand) new --re-embed better model --to-weights better.safetensors
        \(CommandRunner.migrateCommand) new --re-embed half size --to-type halfvec
        \(CommandRunner.migrateCommand) new --re-embed small index --to-type bit
      """
  )

  @Argument(parsing: .remaining, help: ArgumentHelp("What it does, in a few words.", valueName: "name"))
  var name: [String]

  @Option(help: "automatic, timestamp or sequential.")
  var numbering = MigrationNumbering.automatic

  @OptionGroup(title: "Change options") var change: ChangeOptions

  @OptionGroup var options: MigrateOptions

  mutating func run() async throws {
    let settings = try options.settings()
    let dialect = try options.dialect(settings)
    guard settings[.migrations] != nil || MigrationSource.isFolder("migrations") else {
      // A new folder with this file alone would hide the migrations in the program.
      throw CommandFailure(
        "there is no folder ./migrations",
        fix: "'\(CommandRunner.migrateCommand) init' writes the migrations in the program there; "
          + "--migrations FOLDER starts with a folder of your own"
      )
    }
    let title = name.joined(separator: " ")
    let folder = options.folder(settings, dialect)
    guard change.isWanted else {
      let path = try MigrationSource.createMigration(named: title, in: folder, numbering: numbering)
      switch options.format {
      case .json: try JSONReport(command: "migrate new", result: ["file": path]).print()
      case .text: try Output.line(path)
      }
      return
    }
    guard let changes = MigrateCommand.changes else {
      throw CommandFailure(
        "adbvec-migrate has the migrations alone, and the files of a change need models",
        fix: "adbvec migrate new \(change.reEmbed ? "--re-embed" : "--contract")"
      )
    }
    let files = try await changes.files(change, title: title.isEmpty ? "change" : title, settings)
    let paths = try MigrationSource.createMigrations(files, in: folder, numbering: numbering)
    switch options.format {
    case .json: try JSONReport(command: "migrate new", result: ["files": paths]).print()
    case .text: for path in paths { try Output.line(path) }
    }
  }
}

extension MigrationNumbering: ExpressibleByArgument {}

/// The repository's folder `migrations`, as it was when the program was built.
enum ShippedMigrations {
  /// The files with their paths in the folder.
  static var files: [(path: String, bytes: [UInt8])] {
    UnsafeBufferPointer(start: adbvec_migrations(), count: adbvec_migrations_count()).map { file in
      (String(cString: file.path), Array(UnsafeBufferPointer(start: file.bytes, count: file.count)))
    }
  }

  /// The migrations of a dialect; nil for a dialect that has none.
  static func source(_ dialect: MigrationDialect) throws -> MigrationSource? {
    var texts: [String: String] = [:]
    var manifest: String?
    for file in files {
      let text = String(decoding: file.bytes, as: UTF8.self)
      let parts = file.path.split(separator: "/")
      if parts.count == 1 {
        manifest = text
      } else if parts[0] == dialect.rawValue {
        texts[String(parts[1])] = text
      }
    }
    return texts.isEmpty ? nil : try .embedded(texts, manifest: manifest)
  }
}

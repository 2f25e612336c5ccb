import Basics
import ArgumentParser
import CommandSupport
import FoundationEssentials
import Glibc
import ImageSources
import MetricLearning
import MigrateCommands

/// The root of the command line: `adbvec COMMAND …`.
@main
struct Adbvec: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "adbvec",
    abstract: "Image search in PostgreSQL and AnalyticDB: migrations, embeddings, loading, search.",
    discussion: """
      A first search, from nothing:

        adbvec db start            # a private PostgreSQL, if you have none
        adbvec models fetch efficientnet_lite0
        adbvec migrate up          # table, storage and index
        adbvec embed-load IMAGES   # images to embeddings to rows
        adbvec search --id 0 --grid nearest.png

      Settings come from flags, ADBVEC_* variables, DATABASE_URL, libpq's PG* variables and adbvec.yaml, in this \
      order; 'adbvec config show' prints what is in force and where it comes from. Global options may stand before the \
      command too.

      Exit codes: 0 done, 1 failed, 2 pending, 3 drift, 4 lock not obtained, 5 no connection, 64 wrong usage, \
      130 interrupted, 141 standard output closed by its reader.
      """,
    version: CommandRunner.version,
    subcommands: [],
    groupedSubcommands: [
      CommandGroup(
        name: "Schema and data",
        subcommands: [
          MigrateCommand.self, EmbedLoadCommand.self, SyncCommand.self, EmbedCommand.self, LoadCommand.self,
          UnloadCommand.self, ReembedCommand.self,
        ]
      ),
      CommandGroup(
        name: "Search",
        subcommands: [SearchCommand.self, SQLCommand.self, ImagesCommand.self] + page
      ),
      CommandGroup(
        name: "Models and quality",
        subcommands: [ModelsCommand.self, RecipeCommand.self, ProjectionCommand.self, EvaluateCommand.self]
      ),
      CommandGroup(
        name: "Servers and settings",
        subcommands: [DB.self, DoctorCommand.self] + sandbox + [ConfigCommand.self]
      ),
    ]
  )

  #if WITHOUT_SERVERS
    private static let page: [any ParsableCommand.Type] = []
    private static let sandbox: [any ParsableCommand.Type] = []
  #else
    private static let page: [any ParsableCommand.Type] = [ServeCommand.self]
    private static let sandbox: [any ParsableCommand.Type] = [SandboxCommand.self]
  #endif

  static func main() {
    // Images are what runs in parallel: each worker keeps to one core.
    OpenBLAS.useThreads(1)
    MigrateCommand.changes = TableChanges()
    CommandRunner.main(Adbvec.self, arguments)
  }

  private static var workingFolder: [UInt8] {
    guard let folder = getcwd(nil, 0) else { return [UInt8(ascii: ".")] }
    defer { free(folder) }
    return [UInt8](UnsafeRawBufferPointer(start: folder, count: strlen(folder)))
  }

  /// The words behind the program's name. One that is not UTF-8 is a path, and becomes the text that leads back to it.
  private static var arguments: [String] {
    (1..<max(1, Int(CommandLine.argc))).compactMap { index in
      guard let word = CommandLine.unsafeArgv[index] else { return nil }
      let bytes = [UInt8](UnsafeRawBufferPointer(start: word, count: strlen(word)))
      if let text = String(validating: bytes, as: UTF8.self) { return text }
      return PathText.text(
        bytes.first == UInt8(ascii: "/") ? bytes : workingFolder + [UInt8(ascii: "/")] + bytes
      )
    }
  }
}

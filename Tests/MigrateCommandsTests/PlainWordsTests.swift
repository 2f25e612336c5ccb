import ArgumentParser
import CommandSupport
import Migrations
import Testing

@testable import MigrateCommands

/// Words that are read without ArgumentParser mean what they mean to it.
@Suite struct PlainWordsTests {
  /// Everything that the words of `migrate up` can say.
  private func summary(_ up: MigrateUp) -> String {
    let (run, options, global) = (up.run, up.options, up.options.global)
    let texts: [String?] = [
      up.to, up.count.map(String.init), run.lockWait, run.lock.rawValue, run.lockTimeout,
      run.attempts.map(String.init), options.migrations, options.set.joined(separator: " "),
      options.historyTable,
      options.format.rawValue, global.databaseUrl, global.dialect, global.table, global.config,
    ]
    let flags = [up.dryRun, run.allowOutOfOrder, run.ignoreDrift, global.quiet, global.verbose]
    return "\(texts) \(flags)"
  }

  private func plain(_ words: [String]) -> MigrateUp? {
    MigrateUp.reading(words, repeatable: ["--set"])
  }

  @Test(arguments: [
    "", "--quiet", "-q -v --dry-run", "--migrations m --database-url postgresql://a@b/c --quiet",
    "--set dim=512 --set table=t --dialect analyticdb --table s.t", "--to 0004 --count 2 --attempts 3",
    "--lock none --lock-wait 5s --lock-timeout=500ms --format json --config=x.yaml --history-table a.b",
    "--allow-out-of-order --ignore-drift",
  ])
  func `The words of scripts are plain, and mean the same to both`(line: String) throws {
    let words = line.split(separator: " ").map(String.init)
    let read = try #require(plain(words))
    let parsed = try #require(try MigrateUp.parseAsRoot(words) as? MigrateUp)
    #expect(summary(read) == summary(parsed))
  }

  @Test(arguments: [
    "--help", "-h", "--version", "-qv", "--qui", "extra", "--to", "--to -1", "--count x", "--lock never",
    "--to 1 --to 2", "--quiet --quiet", "--quiet=yes", "--format xml", "--table=", "-- --quiet",
    "--nothing 3",
  ])
  func `Help, mistakes and short cuts are the parser's`(line: String) {
    #expect(plain(line.split(separator: " ").map(String.init)) == nil)
  }

  @Test func `Whatever is read plainly, the parser reads alike`() throws {
    let options = [
      "--to", "--count", "--lock", "--lock-wait", "--lock-timeout", "--attempts", "--migrations", "--set",
      "--history-table", "--format", "--database-url", "--dialect", "--table", "--config",
    ]
    let flags = [
      "--dry-run", "--allow-out-of-order", "--ignore-drift", "--quiet", "-q", "--verbose", "-v", "-x", "--",
    ]
    let values = [
      "1", "0", "-1", "a=b", "text", "json", "none", "session", "", "x y", "é", "--quiet", "5s", "=", "-q",
    ]
    var generator = SystemRandomNumberGenerator()
    var plainOnes = 0
    for _ in 0..<5_000 {
      var words: [String] = []
      for _ in 0..<Int.random(in: 0...5, using: &generator) {
        let value = values.randomElement(using: &generator) ?? ""
        let option = options.randomElement(using: &generator) ?? ""
        switch Int.random(in: 0...5, using: &generator) {
        case 0: words.append(flags.randomElement(using: &generator) ?? "")
        case 1: words.append("\(option)=\(value)")
        case 2: words.append(value)
        default: words += [option, value]
        }
      }
      guard let read = plain(words) else { continue }
      plainOnes += 1
      let parsed = try? MigrateUp.parseAsRoot(words) as? MigrateUp
      #expect(parsed.map(summary) == summary(read), "\(words)")
    }
    #expect(plainOnes > 500)
  }
}

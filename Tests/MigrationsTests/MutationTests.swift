import Basics
import Migrations
import SQLLexer
import Testing

/// Everything that reads a file which a user writes: for any content the answer is a value or an error with its place.
@Suite struct MutationTests {
  private static let file = """
    -- lint:ignore D013,V001 there is no way back
    -- migrate:up transaction:false lock-timeout:5s
    CREATE TABLE {{table}} (id int, note text DEFAULT 'it''s', v vector({{dim}}));
    {{#if fast}}
    CREATE INDEX CONCURRENTLY {{index}} ON {{table}} USING hnsw (v vector_{{metric}}_ops) WITH (m = {{m}}, ef_construction = 64);
    {{else if metric = l2}}
    SELECT $a$ {{note}} $a$, E'\\n', U&"d\\0061t", a[1:2] /* b /* c */ */ FROM {{table}};
    {{/if}}
    COPY {{table}} FROM stdin;
    1\t{{table}}
    \\.
    BEGIN; DO $$ BEGIN PERFORM {{note}}; END $$; COMMIT;
    -- migrate:down irreversible:"gone"
    {{#dialect pgvector}}DROP TABLE {{table}};{{/dialect}}{{#capability citus}}SELECT 1;{{/capability}}

    """

  private static let manifest = """
    # what the files take
    dim:
      type: int
      range: [1, 8192]
      default: 3
      pgvector:
        range: [1, 2000]
    m:
      type: int
      default: 16
    table:
      type: identifier
      default: items
      help: "a \\"name\\" \\\\ \\n"
    index:
      type: identifier
      default: "{table}_idx"
    note:
      type: literal
      default: 'x'
    metric:
      type: choice
      choices: [l2, cosine]
      default: l2
    fast:
      type: bool
      default: true
    ef:
      type: int
      default: 64
      at_least: 2 * m
      dialects: [pgvector, analyticdb]
      optional: false

    """

  /// Changes a text in some places: bytes, pieces of its own, of other formats, and lines twice or left out.
  private func mutate(_ text: String, _ random: inout some RandomNumberGenerator) -> [UInt8] {
    var bytes = Array(text.utf8)
    let pieces = [
      "{{", "}}", "{{#if ", "{{/if}}", "{{else}}", "'", "\"", "$$", "$a$", "/*", "*/", "--", "\\", "\\.\n",
      "[", "]", "[[", ": ", "- ", "&a ", "\n  ", "---\n",
      ",", "*", "\n", "\r\n", "\u{FEFF}", "-- migrate:up\n", "-- migrate:down\n", "(", ")", ";",
      "99999999999999999999",
      "9223372036854775807", "-9223372036854775808", "COPY a FROM stdin;\n", "BEGIN ATOMIC ", "0x", "1e",
      "\0", "{", "}", "lint:ignore",
    ]
    for _ in 0..<Int.random(in: 1...6, using: &random) {
      let place = Int.random(in: 0...bytes.count, using: &random)
      switch Int.random(in: 0..<6, using: &random) {
      case 0: bytes.insert(UInt8.random(in: 0...255, using: &random), at: place)
      case 1: bytes.insert(contentsOf: pieces[Int.random(in: pieces.indices, using: &random)].utf8, at: place)
      case 2: bytes.removeSubrange(place..<min(bytes.count, place + Int.random(in: 0...30, using: &random)))
      case 3:
        let from = Int.random(in: 0...bytes.count, using: &random)
        let copied = bytes[from..<min(bytes.count, from + Int.random(in: 0...80, using: &random))]
        bytes.insert(contentsOf: Array(copied), at: place)
      case 4: bytes = Array(bytes[..<place])
      default:
        let piece = Array(pieces[Int.random(in: pieces.indices, using: &random)].utf8)
        let times = [1, 3, 50, 400][Int.random(in: 0..<4, using: &random)]
        bytes.insert(contentsOf: Array((0..<times).map { _ in piece }.joined()), at: place)
      }
    }
    return bytes
  }

  @Test(arguments: 0..<8)
  func `A mutated file is read or refused with its place`(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    var (read, refused) = (0, 0)
    for _ in 0..<250 {
      let file = mutate(Self.file, &random)
      let manifest = Bool.random(using: &random) ? mutate(Self.manifest, &random) : Array(Self.manifest.utf8)
      let errors = errors(file, manifest)
      for error in errors {
        #expect(
          error.location != nil,
          "\(error) in \(String(decoding: file, as: UTF8.self).debugDescription)"
        )
        #expect(error.location.map { $0.lineNumber > 0 && $0.column > 0 && !$0.excerpt.isEmpty } ?? true)
      }
      if errors.isEmpty { read += 1 } else { refused += 1 }
    }
    #expect(read > 0 && refused > 0)
  }

  private func errors(_ file: [UInt8], _ manifest: [UInt8]) -> [MigrationError] {
    do {
      // What is not UTF-8 is refused before, by the file itself.
      let source = try SourceFile(path: "1_a.sql", bytes: file)
      let declarations = try SourceFile(path: "parameters.yaml", bytes: manifest)
      let migrator = try migrator(["1_a.sql": source.text.string], manifest: declarations.text.string)
      _ = migrator.lint()
      _ = try migrator.render()
      let problems = migrator.problems()
      if problems.isEmpty { _ = try migrator.planFromNothing().psql }
      return problems
    } catch let errors as MigrationErrors {
      return errors.errors
    } catch let error as MigrationError {
      return [error]
    } catch {
      return [MigrationError(.invalidFile, "another error: \(error)")]
    }
  }
}

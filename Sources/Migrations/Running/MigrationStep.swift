public import PostgresClient
internal import SQLLexer

/// Work that a file asks for beside its SQL, as a comment before its first statement:
///
///     -- adbvec:backfill table=public.image_search column=image_vector_next
///     --   missing=keep
///
/// A `MigrationStepRunner` does it, before each attempt of the file's transaction; in a section with `transaction:false`
/// once, before its first statement.
public struct MigrationStep: Sendable, Hashable {
  /// The word behind `adbvec:`.
  public let name: String
  /// The values behind the name; those of lines that begin with `--` and three blanks are read too.
  public let values: [String: String]
  /// The section that it stands in.
  public let direction: MigrationDirection
  /// The migration that it belongs to.
  public let id: MigrationID
  /// The file, as the run knows it: a path, or a name inside the program.
  public let file: String
  /// Where it stands.
  public let location: SourceLocation
  /// Whether its section has no statement beside it.
  public let isAlone: Bool
}

/// Does the work of steps; the program that runs the migrations brings it.
public protocol MigrationStepRunner: Sendable {
  /// Looks whether the steps of a run can be done, before the run sends anything.
  /// - Throws: what keeps the run from beginning.
  func check(_ steps: [MigrationStep], on connection: PostgresConnection) async throws

  /// Does the work of a step; repeated after a failure, so that it goes on where it stopped.
  /// - Parameters:
  ///   - connection: the run's, outside any transaction.
  ///   - report: takes lines that tell how far it is.
  /// - Returns: what the history keeps of it in its column `error`; nil when nothing is worth keeping.
  func run(
    _ step: MigrationStep,
    on connection: PostgresConnection,
    report: @escaping @Sendable (String) -> Void
  ) async throws -> String?

  /// What a plan says of a step, a line each; reads, and never writes.
  func plan(_ step: MigrationStep, on connection: PostgresConnection) async throws -> [String]
}

extension RenderedSection {
  /// The steps before the first statement.
  /// - Throws: `MigrationError` with code `invalidFile` for a step behind a statement, or a value without a name.
  func steps(of id: MigrationID, _ direction: MigrationDirection) throws -> [MigrationStep] {
    let marker = Array("-- adbvec:".utf8)
    var steps: [MigrationStep] = []
    var isOpen = false
    var hasStatement = false
    for token in script.tokens where token.kind != .whitespace {
      guard token.kind == .lineComment else {
        isOpen = false
        hasStatement = hasStatement || token.isSignificant
        continue
      }
      let text = script.source.utf8[token.range]
      if text.starts(with: marker) {
        guard !hasStatement else {
          throw stepError("a step stands before the statements", "move it up", token)
        }
        let words = words(behind: marker.count, token)
        guard let name = words.first?.text, name != "adbvec:" else {
          throw stepError("this step has no name", "write it behind adbvec:", token)
        }
        steps.append(
          MigrationStep(
            name: name,
            values: try values(words.dropFirst(), token),
            direction: direction,
            id: id,
            file: file.path,
            location: location(ofByte: token.range.lowerBound),
            isAlone: script.statements.isEmpty
          )
        )
        isOpen = true
      } else if isOpen, text.starts(with: Array("--   ".utf8)), let last = steps.popLast() {
        let more = try values(words(behind: 2, token)[...], token)
        steps.append(
          MigrationStep(
            name: last.name,
            values: last.values.merging(more) { $1 },
            direction: direction,
            id: id,
            file: last.file,
            location: last.location,
            isAlone: last.isAlone
          )
        )
      } else {
        isOpen = false
      }
    }
    return steps
  }

  private func words(behind count: Int, _ token: Token) -> [OptionWord] {
    OptionWord.words(in: script.source, range: token.range.lowerBound + count..<token.range.upperBound)
  }

  private func values(_ words: ArraySlice<OptionWord>, _ token: Token) throws -> [String: String] {
    var values: [String: String] = [:]
    for word in words {
      let parts = word.text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard parts.count == 2, !parts[0].isEmpty else {
        throw stepError(
          "\"\(word.text)\" is not name=value",
          "put a value with blanks in double quotes",
          token
        )
      }
      values[String(parts[0])] = String(parts[1])
    }
    return values
  }

  private func stepError(_ message: String, _ fix: String, _ token: Token) -> MigrationError {
    MigrationError(.invalidFile, message, hint: "Fix: \(fix)", at: location(ofByte: token.range.lowerBound))
  }
}

extension RenderedMigration {
  /// What the history calls its row.
  var kind: HistoryRecord.Kind {
    if case .repeatable = id { return .repeatable }
    guard upSection.script.statements.isEmpty, let step = try? upSection.steps(of: id, .up).first else {
      return .versioned
    }
    return HistoryRecord.Kind(rawValue: step.name) ?? .versioned
  }
}

extension PlannedStep {
  /// The steps that its section asks for.
  func externalSteps() throws -> [MigrationStep] { try section.steps(of: id, direction) }
}

extension [PlannedStep] {
  /// Refuses steps that nobody here can do, and those that their runner refuses.
  func checkSteps(_ runner: (any MigrationStepRunner)?, on connection: PostgresConnection) async throws {
    let steps = try flatMap { try $0.externalSteps() }
    guard let first = steps.first else { return }
    guard let runner else {
      throw MigrationError(
        .missingCapability,
        "the step \"\(first.name)\" needs the whole program, which embeds images; this one has the migrations alone",
        hint:
          "Fix: run it with the program adbvec, whose command is 'migrate' in front of '\(first.direction.rawValue)'",
        at: first.location
      )
    }
    try await runner.check(steps, on: connection)
  }
}

extension MigrationSession {
  /// Does the work that a section asks for, and returns what the history is to keep of it.
  func runSteps(of step: PlannedStep) async throws -> [String] {
    var notes: [String] = []
    for asked in try step.externalSteps() {
      guard let steps else { continue }
      let (emit, id) = (emit, step.id)
      let note = try await steps.run(asked, on: connection) { emit(.step(id, $0)) }
      if let note { notes.append(note) }
    }
    return notes
  }
}

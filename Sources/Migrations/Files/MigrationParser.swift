internal import SQLLexer

/// Reads a file with the marks `-- migrate:up` and `-- migrate:down`, as dbmate writes them.
struct MigrationParser {
  let file: SourceFile

  private struct Mark {
    var isDown: Bool
    var line: Range<Int>
    var options: SectionOptions
  }

  /// The id and name in a file's name; nil when it is not the name of a migration.
  static func identify(_ name: String) -> (id: MigrationID, name: String)? {
    guard name.hasSuffix(".sql") else { return nil }
    let stem = name.dropLast(4)
    if stem.hasPrefix(MigrationID.repeatablePrefix) {
      let rest = String(stem.dropFirst(MigrationID.repeatablePrefix.count))
      return rest.isEmpty ? nil : (.repeatable(rest), rest)
    }
    let digits = stem.utf8.prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
    guard !digits.isEmpty else { return nil }
    let rest = stem[digits.endIndex...]
    return (.version(String(Substring(digits))), String(rest.hasPrefix("_") ? rest.dropFirst() : rest))
  }

  func parse(_ id: MigrationID, name: String) throws -> Migration {
    let marks = try findMarks()
    guard let up = marks.first(where: { !$0.isDown }) else {
      throw error("there is no line \"-- migrate:up\"", 0, hint: "begin the file with that line")
    }
    for isDown in [false, true] {
      let same = marks.filter { $0.isDown == isDown }
      if same.count > 1 {
        let mark = isDown ? "migrate:down" : "migrate:up"
        throw error(
          "there is a second \"-- \(mark)\"",
          same[1].line.lowerBound,
          hint: "use one of each a file"
        )
      }
    }
    try checkHead(before: marks[0].line.lowerBound)
    if case .repeatable = id, let down = marks.first(where: \.isDown) {
      throw error(
        "a repeatable file has no way down",
        down.line.lowerBound,
        hint: "remove the section"
      )
    }
    let down = marks.first(where: \.isDown)
    return Migration(
      id: id,
      name: name,
      file: file,
      up: section(up, marks),
      down: down.map { section($0, marks) },
      templateHash: SHA256Hex.of(file.text.utf8)
    )
  }

  private func section(_ mark: Mark, _ marks: [Mark]) -> MigrationSection {
    let next = marks.first { $0.line.lowerBound > mark.line.lowerBound }
    let end = next?.line.lowerBound ?? file.text.utf8.count
    let start = min(mark.line.upperBound + 1, end)
    return MigrationSection(options: mark.options, range: start..<end, markOffset: mark.line.lowerBound)
  }

  private func findMarks() throws -> [Mark] {
    let bytes = file.text.utf8
    var marks: [Mark] = []
    var start = 0
    while start < bytes.count {
      let end = bytes[start...].firstIndex(of: 0x0A) ?? bytes.count
      if let mark = try mark(start..<end) { marks.append(mark) }
      start = end + 1
    }
    return marks
  }

  private func mark(_ line: Range<Int>) throws -> Mark? {
    let bytes = file.text.utf8
    guard line.count > 2, bytes[line.lowerBound] == 0x2D, bytes[line.lowerBound + 1] == 0x2D else {
      return nil
    }
    let words = OptionWord.words(in: file.text, range: line.lowerBound + 2..<line.upperBound)
    guard let first = words.first, first.text.hasPrefix("migrate:") else { return nil }
    guard first.text == "migrate:up" || first.text == "migrate:down" else {
      throw error("unknown mark \"\(first.text)\"", first.offset, hint: "known: migrate:up, migrate:down")
    }
    let isDown = first.text == "migrate:down"
    let options = try SectionOptions(Array(words.dropFirst()), isDown: isDown, in: file)
    return Mark(isDown: isDown, line: line, options: options)
  }

  /// Only comments may stand before the first mark: anything else would never run.
  private func checkHead(before end: Int) throws {
    let head = Script(SourceText(utf8: Array(file.text.utf8[..<end])))
    if let stray = head.tokens.first(where: \.isSignificant) {
      throw error(
        "this stands before the first mark and would never run",
        stray.range.lowerBound,
        hint: "move it below \"-- migrate:up\""
      )
    }
  }

  private func error(_ message: String, _ offset: Int, hint: String) -> MigrationError {
    MigrationError(
      .invalidFile,
      message,
      hint: hint,
      at: SourceLocation(file: file.path, text: file.text, offset: offset)
    )
  }
}

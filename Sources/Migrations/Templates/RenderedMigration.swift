internal import Basics
internal import SQLLexer
internal import Synchronization

/// A migration with its parameters put in.
struct RenderedMigration: Sendable, Hashable {
  let parsed: Migration
  let upSection: RenderedSection
  /// Nil where the file has no way down.
  let downSection: RenderedSection?
  /// The values that its file uses, by name, in canonical form.
  let parameters: [String: String]
  let parametersHash: String
  let renderedHash: String
  /// What the SQL depends on beside the file and the values; nil where it depends on what the server can do.
  var inputs: TemplateInputs?

  /// Whether its file was not read, because the history holds it as it is: it cannot run.
  var isUnread = false

  var id: MigrationID { parsed.id }

  /// The values as a JSON object with sorted names, as the history keeps them.
  var parametersJSON: String { FlatJSON.write(parameters) }
}

extension RenderedMigration {
  /// A migration as its history tells it.
  init(unread file: MigrationFile, _ record: HistoryRecord) {
    let nothing = MigrationSection(options: SectionOptions(), ranges: [], markOffset: 0)
    self.init(
      parsed: Migration(
        id: file.id,
        name: file.name,
        file: file.file,
        up: nothing,
        down: nil,
        templateHash: file.file.hash
      ),
      upSection: RenderedSection(file: file.file, options: nothing.options, text: RenderedText()),
      downSection: nil,
      // The same values: nobody asks for them while the hashes are equal.
      parameters: [:],
      parametersHash: record.parametersHash,
      renderedHash: record.renderedHash,
      isUnread: true
    )
  }
}

/// What the SQL of a template depends on beside its text and the values that it uses: a file for which nothing of all this
/// has changed need not be rendered again.
struct TemplateInputs: Sendable, Hashable {
  /// SHA-256 of the declarations as they hold for the dialect.
  let manifest: String
  /// The parameters that the file uses and that had no value.
  let absent: [String]

  init(_ manifest: ParameterManifest, absent: some Collection<String>) {
    self.manifest = manifest.hash
    self.absent = absent.sorted()
  }

  init?(json: String) {
    guard let values = FlatJSON.read(json), let manifest = values["manifest"] else { return nil }
    self.manifest = manifest
    absent = values["absent"]?.split(separator: ",").map(String.init) ?? []
  }

  var json: String { FlatJSON.write(["manifest": manifest, "absent": absent.joined(separator: ",")]) }
}

/// Renders migrations for one set of values, one dialect and one server's capabilities.
struct MigrationRenderer: Sendable {
  let parameters: ParameterSet
  let dialect: MigrationDialect
  var capabilities: Set<Capability>

  func render(_ migration: Migration) throws -> RenderedMigration {
    let up = try template(migration.up, migration)
    let down = try migration.down.map { try template($0, migration) }
    let names = up.parameterNames.union(down?.parameterNames ?? [])
    var used: [String: String] = [:]
    for name in names { used[name] = parameters.values[name]?.text }
    let upSection = try section(migration.up, up, of: migration)
    return RenderedMigration(
      parsed: migration,
      upSection: upSection,
      downSection: try migration.down.flatMap { options in
        try down.map { try section(options, $0, of: migration) }
      },
      parameters: used,
      parametersHash: SHA256.hexadecimal(of: FlatJSON.write(used)),
      renderedHash: upSection.hash,
      inputs: up.usesCapabilities || down?.usesCapabilities ?? false
        ? nil : parameters.manifest.map { TemplateInputs($0, absent: names.filter { used[$0] == nil }) }
    )
  }

  /// Whether any section of the migration asks what the server can do.
  func usesCapabilities(_ migration: Migration) throws -> Bool {
    try template(migration.up, migration).usesCapabilities
      || migration.down.map { try template($0, migration).usesCapabilities } ?? false
  }

  /// - Throws: `MigrationError` with code `invalidParameter` where a value would not stay one value in the SQL.
  private func section(
    _ section: MigrationSection,
    _ template: Template,
    of migration: Migration
  ) throws -> RenderedSection {
    let renderer = TemplateRenderer(
      file: migration.file,
      parameters: parameters,
      dialect: dialect,
      capabilities: capabilities
    )
    let text = try renderer.render(template)
    let rendered = RenderedSection(file: migration.file, options: section.options, text: text)
    guard text.hasValues else { return rendered }
    try SubstitutionGuard(text: text, file: migration.file, parameters: parameters).check(rendered.script)
    return rendered
  }

  /// The template of a section; one that stands in several parts of the file is joined with semicolons.
  private func template(_ section: MigrationSection, _ migration: Migration) throws -> Template {
    var nodes: [TemplateNode] = []
    for range in section.ranges {
      if !nodes.isEmpty { nodes.append(.joint(range.lowerBound)) }
      nodes += try self.nodes(range, section, migration)
    }
    return Template(nodes: nodes)
  }

  private func nodes(
    _ range: Range<Int>,
    _ section: MigrationSection,
    _ migration: Migration
  ) throws -> [TemplateNode] {
    guard section.options.template, let manifest = parameters.manifest else {
      try rejectStrayTags(range, migration)
      return range.isEmpty ? [] : [.text(range)]
    }
    return try TemplateParser(file: migration.file, manifest: manifest, range: range, dialect: dialect)
      .parse()
  }

  /// Without a manifest braces are SQL; outside any string they can only be a parameter that was forgotten.
  private func rejectStrayTags(_ range: Range<Int>, _ migration: Migration) throws {
    let bytes = migration.file.text.utf8[range]
    guard bytes.contains(UInt8(ascii: "{")) else { return }
    let tokens = Script(SourceText(utf8: Array(bytes))).tokens
    for (first, second) in zip(tokens, tokens.dropFirst())
    where first.kind == .unknown && second.kind == .unknown
      && first.range.upperBound == second.range.lowerBound
    {
      let offset = range.lowerBound + first.range.lowerBound
      guard migration.file.text.utf8[offset] == UInt8(ascii: "{") else { continue }
      throw MigrationError(
        .invalidTemplate,
        "{{…}} stands here, and no \(MigrationSource.manifestName) declares parameters",
        hint: "add the file beside the migrations or in the folder above",
        at: migration.location(offset)
      )
    }
  }
}

/// A section of a migration as SQL, cut into statements, each of which knows its place in the file.
struct RenderedSection: Sendable, Hashable {
  let file: SourceFile
  let options: SectionOptions
  let text: RenderedText
  private let lexed: LexedOnce

  init(file: SourceFile, options: SectionOptions, text: RenderedText) {
    self.file = file
    self.options = options
    self.text = text
    lexed = LexedOnce(text)
  }

  /// The statements; read when first asked for, once for all copies.
  var script: Script { lexed.script }

  static func == (left: RenderedSection, right: RenderedSection) -> Bool {
    left.file == right.file && left.options == right.options && left.text == right.text
  }

  func hash(into hasher: inout Hasher) {
    hasher.combine(file.path)
    hasher.combine(text.utf8)
  }

  func byte(_ offset: Int) -> UInt8 { text.utf8[offset] }

  /// The place in the file of a byte of the SQL.
  func location(ofByte offset: Int) -> SourceLocation {
    file.location(text.sourceOffset(of: offset))
  }

  /// The place of a statement, or of the character in it that the server's error names (counted from 1).
  func location(of statement: SQLStatement, character: Int? = nil) -> SourceLocation {
    guard let character else { return location(ofByte: statement.range.lowerBound) }
    let offset = script.source.offset(ofCharacter: character, from: statement.range.lowerBound)
    return location(ofByte: min(offset, statement.range.upperBound))
  }

  /// What a run that stopped half-way has done: at index k a SHA-256 over the first k statements, each hashed together
  /// with the hash before it.
  var chainedHashes: [String] {
    var hashes = [""]
    for statement in script.statements {
      var bytes = Array((hashes.last ?? "").utf8) + script.source.utf8[statement.range]
      switch copyData(of: statement) {
      case .text(let data): bytes += data
      case .file(let file): bytes += file.hash.utf8
      case nil: break
      }
      hashes.append(SHA256.hexadecimal(of: bytes))
    }
    return hashes
  }

  /// The data of a `COPY … FROM STDIN`; nil for other statements.
  func copyData(of statement: SQLStatement) -> CopyData? {
    guard let range = statement.copyData else { return nil }
    if range.isEmpty, !file.data.isEmpty {
      let offset = text.sourceOffset(of: range.lowerBound)
      if let left = file.data.first(where: { $0.offset == offset }) { return .file(left) }
    }
    return .text(script.source.utf8[range])
  }

  /// The SQL in parts, with the data that was left on the disk in its place.
  func forEachPart(_ body: (ArraySlice<UInt8>) throws -> Void) throws {
    var start = 0
    for statement in file.data.isEmpty ? [] : script.statements {
      guard let place = statement.copyData, case .file(let data) = copyData(of: statement) else { continue }
      try body(text.utf8[start..<place.lowerBound])
      try data.forEachPart(body)
      start = place.lowerBound
    }
    try body(text.utf8[start...])
  }

  /// SHA-256 of the SQL, with the hashes of the data that is not in it.
  var hash: String {
    guard !file.data.isEmpty else { return SHA256.hexadecimal(of: text.utf8) }
    let hashes = script.statements.compactMap { statement in
      if case .file(let file) = copyData(of: statement) { file.hash } else { nil }
    }
    return SHA256.hexadecimal(of: text.utf8 + hashes.joined().utf8)
  }

  /// The statements' texts.
  var statementTexts: [String] { script.statements.map(\.text) }
}

/// The statements of a text, cut on first use: a migration that has run already is never asked for them.
private final class LexedOnce: Sendable {
  private let text: RenderedText
  private let result = Mutex<Script?>(nil)

  init(_ text: RenderedText) { self.text = text }

  var script: Script {
    result.withLock { known in
      if let known { return known }
      let script = Script(SourceText(utf8: text.utf8))
      known = script
      return script
    }
  }
}

/// Rendered SQL that knows, for each byte, where in the file it came from.
struct RenderedText: Sendable, Hashable {
  /// A run of bytes with one origin.
  struct Segment: Sendable, Hashable {
    var rendered: Range<Int>
    var source: Range<Int>
    /// The parameter whose value this is; nil for text of the file.
    var parameter: String?
  }

  private(set) var utf8: [UInt8] = []
  private(set) var segments: [Segment] = []
  /// Where the semicolons stand that end the parts of a section.
  private(set) var joints: [Int] = []

  /// Whether any of it is a parameter's value.
  var hasValues: Bool { segments.contains { $0.parameter != nil } }

  var string: String { String(decoding: utf8, as: UTF8.self) }

  mutating func append(_ bytes: some Collection<UInt8>, from source: Range<Int>, parameter: String? = nil) {
    let start = utf8.count
    utf8 += bytes
    segments.append(Segment(rendered: start..<utf8.count, source: source, parameter: parameter))
  }

  /// Whether a byte of the file stands in the rendered text.
  func holds(source offset: Int) -> Bool {
    segments.contains { $0.parameter == nil && $0.source.contains(offset) }
  }

  /// Ends a part of a section, so that the next, which begins at `source` in the file, begins a statement.
  mutating func appendJoint(before source: Int) {
    joints.append(utf8.count + 1)
    append("\n;\n".utf8, from: source..<source)
  }

  /// The offset in the file of a byte of the rendered text; a value's bytes are its tag's.
  func sourceOffset(of offset: Int) -> Int {
    var low = 0
    var high = segments.count
    while low < high {
      let middle = (low + high) / 2
      if segments[middle].rendered.upperBound <= offset { low = middle + 1 } else { high = middle }
    }
    guard low < segments.count else { return segments.last?.source.upperBound ?? 0 }
    let segment = segments[low]
    guard segment.parameter == nil else { return segment.source.lowerBound }
    return segment.source.lowerBound + offset - segment.rendered.lowerBound
  }
}

internal import SQLLexer

/// A migration with its parameters put in.
struct RenderedMigration: Sendable, Hashable {
  let migration: Migration
  let up: RenderedText
  let down: RenderedText?
  /// The values that its file uses, by name, in canonical form.
  let parameters: [String: String]
  let parametersHash: String
  let renderedHash: String

  var id: MigrationID { migration.id }

  var upSection: RenderedSection {
    RenderedSection(file: migration.file, options: migration.up.options, text: up)
  }

  var downSection: RenderedSection? {
    guard let down, let section = migration.down else { return nil }
    return RenderedSection(file: migration.file, options: section.options, text: down)
  }

  /// The values as a JSON object with sorted names, as the history keeps them.
  var parametersJSON: String { FlatJSON.write(parameters) }
}

/// Renders migrations for one set of values, one dialect and one server's capabilities.
struct MigrationRenderer: Sendable {
  let parameters: ParameterSet
  let dialect: MigrationDialect
  let capabilities: Set<Capability>

  func render(_ migration: Migration) throws -> RenderedMigration {
    let up = try template(migration.up, migration)
    let down = try migration.down.map { try template($0, migration) }
    let names = up.parameterNames.union(down?.parameterNames ?? [])
    var used: [String: String] = [:]
    for name in names { used[name] = parameters.values[name]?.text }
    let renderer = TemplateRenderer(
      file: migration.file,
      parameters: parameters,
      dialect: dialect,
      capabilities: capabilities
    )
    let text = try renderer.render(up)
    return RenderedMigration(
      migration: migration,
      up: text,
      down: try down.map(renderer.render),
      parameters: used,
      parametersHash: SHA256Hex.of(FlatJSON.write(used)),
      renderedHash: SHA256Hex.of(text.utf8)
    )
  }

  /// Whether any section of the migration asks what the server can do.
  func usesCapabilities(_ migration: Migration) throws -> Bool {
    try template(migration.up, migration).usesCapabilities
      || migration.down.map { try template($0, migration).usesCapabilities } ?? false
  }

  private func template(_ section: MigrationSection, _ migration: Migration) throws -> Template {
    guard section.options.template, let manifest = parameters.manifest else {
      try rejectStrayTags(section, migration)
      return Template(nodes: section.range.isEmpty ? [] : [.text(section.range)])
    }
    return try TemplateParser(file: migration.file, manifest: manifest, range: section.range).parse()
  }

  /// Without a manifest braces are SQL; outside any string they can only be a parameter that was forgotten.
  private func rejectStrayTags(_ section: MigrationSection, _ migration: Migration) throws {
    let bytes = migration.file.text.utf8[section.range]
    guard bytes.contains(UInt8(ascii: "{")) else { return }
    let tokens = Script(SourceText(utf8: Array(bytes))).tokens
    for (first, second) in zip(tokens, tokens.dropFirst())
    where first.kind == .unknown && second.kind == .unknown
      && first.range.upperBound == second.range.lowerBound
    {
      let offset = section.range.lowerBound + first.range.lowerBound
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

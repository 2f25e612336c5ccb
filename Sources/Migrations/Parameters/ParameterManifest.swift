/// The parameters that a set of migrations declares in its `parameters.toml`.
public struct ParameterManifest: Sendable, Hashable {
  /// The declarations in the order of the file, as they hold for one dialect.
  public let definitions: [ParameterDefinition]
  /// The file's path, for messages.
  public let path: String

  /// The declaration of a name.
  public subscript(name: String) -> ParameterDefinition? { definitions.first { $0.name == name } }

  /// Reads the declarations as they hold for a dialect: `[name]`, then what `[name.dialect]` says otherwise.
  /// - Throws: `MigrationError` with code `invalidManifest`, pointing at the line.
  public init(_ file: SourceFile, dialect: MigrationDialect) throws {
    var reader = TOMLReader(file)
    let tables = try reader.read()
    path = file.path
    var found: [ParameterDefinition] = []
    for table in tables where table.path.count == 1 {
      guard !found.contains(where: { $0.name == table.path[0] }) else {
        throw Self.error("the parameter \(table.path[0]) is declared twice", table.offset, file)
      }
      let overriding = tables.first { $0.path == [table.path[0], dialect.rawValue] }
      found.append(try ParameterDeclaration(file: file, table: table, overriding: overriding).definition())
    }
    for table in tables where table.path.count != 1 {
      guard table.path.count == 2, found.contains(where: { $0.name == table.path[0] }) else {
        throw Self.error("there is no table [\(table.path[0])] for this one to refine", table.offset, file)
      }
    }
    definitions = found
  }

  static func error(_ message: String, _ offset: Int, _ file: SourceFile) -> MigrationError {
    MigrationError(
      .invalidManifest,
      message,
      at: SourceLocation(file: file.path, text: file.text, offset: offset)
    )
  }
}

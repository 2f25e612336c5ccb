/// The SQL of one migration, as `render` shows it.
public struct RenderedFile: Sendable, Hashable, Encodable {
  /// The version, or `R__name`.
  public var version: String
  /// The file's name behind the version.
  public var name: String
  /// The file.
  public var file: String
  /// The SQL of `-- migrate:up`.
  public var up: String
  /// The SQL of `-- migrate:down`; nil when there is no such section.
  public var down: String?
  /// The values that it uses.
  public var parameters: [String: String]
  /// The statements of `up`, without comments before and between them.
  public var statements: [String]
}

extension Migrator {
  /// The SQL of the files, without a server: the capabilities are those that the dialect is known for, unless
  /// `options.capabilities` says otherwise.
  /// - Parameter version: only this one.
  /// - Throws: `MigrationError` with code `unknownVersion`.
  public func render(version: String? = nil) throws -> [RenderedFile] {
    let wanted = try version.map { version in
      guard let found = assumed.first(where: { $0.id.isSame(as: MigrationID(key: version)) }) else {
        throw MigrationError(.unknownVersion, "no file has the version \(version)")
      }
      return [found]
    }
    return (wanted ?? assumed).map { migration in
      RenderedFile(
        version: migration.id.key,
        name: migration.migration.name,
        file: migration.migration.file.path,
        up: migration.up.string,
        down: migration.down?.string,
        parameters: migration.parameters,
        statements: migration.upSection.statementTexts
      )
    }
  }
}

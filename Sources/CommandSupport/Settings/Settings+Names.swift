package import VectorSQL

extension Settings {
  /// The table in force.
  /// - Throws: `CommandFailure` with exit code 64 for a name that PostgreSQL could not keep.
  package func tableName() throws -> QualifiedName {
    try name(.table) { try QualifiedName(validating: $0) }
  }

  /// The name that a setting gives, checked by `parse`.
  /// - Throws: `CommandFailure` with exit code 64.
  package func name<Name>(_ setting: Setting, _ parse: (String) throws -> Name) throws -> Name {
    do {
      return try parse(try text(setting))
    } catch let error as IdentifierError {
      throw CommandFailure("--\(setting.key): \(error)", exitCode: 64)
    }
  }
}

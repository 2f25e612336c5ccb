internal import SQLLexer

/// What can be known to fail before a section is sent.
struct SectionCheck {
  let section: RenderedSection

  func errors() -> [MigrationError] {
    let broken = section.script.errors.map { error in
      MigrationError(
        .invalidSQL,
        error.code.description,
        at: section.location(ofByte: error.position.utf8Offset)
      )
    }
    guard broken.isEmpty else { return broken }
    return section.options.transaction ? section.script.statements.compactMap(transactional) : []
  }

  private func transactional(_ statement: SQLStatement) -> MigrationError? {
    if let name = statement.refusesTransaction {
      return MigrationError(
        .invalidSQL,
        "\(name) cannot run inside a transaction",
        hint: "put transaction:false behind the section's mark",
        at: section.location(of: statement)
      )
    }
    guard statement.controlsTransaction else { return nil }
    return MigrationError(
      .invalidSQL,
      "this would end the file's own transaction half-way",
      hint: "leave it out: the file is one transaction; or put transaction:false behind the section's mark",
      at: section.location(of: statement)
    )
  }
}

/// An upsert by way of a temporary table, for servers without `ON CONFLICT` and for bulk loads with `COPY`.
///
/// In one transaction: run ``create``, load ``table`` (by `COPY` or ``InsertStatement``), run ``merge``.
/// Keys must not repeat among the rows loaded.
public struct StagedInsert: Sendable, Hashable {
  /// The temporary table; it is gone when the transaction ends.
  public let table: QualifiedName
  /// Makes the temporary table.
  public let create: [Statement]
  /// Moves the rows into the target, as the conflict policy says.
  public let merge: [Statement]
}

extension InsertStatement {
  /// The statements around a load through a staging table.
  ///
  /// - Parameters:
  ///   - dialect: The dialect to write.
  ///   - stage: The temporary table's name.
  /// - Throws: `RenderingError` when a policy other than `.fail` names no key.
  public func staged(
    for dialect: Dialect,
    stage: Identifier = "adbvec_stage"
  ) throws(RenderingError) -> StagedInsert {
    let stageName = QualifiedName(name: stage)
    return StagedInsert(
      table: stageName,
      create: [Statement(trusted: createStage(stage, dialect))],
      merge: try merge(from: stage).map { Statement(trusted: $0) }
    )
  }

  private func createStage(_ stage: Identifier, _ dialect: Dialect) -> String {
    let storage = dialect.plainVectorStorage ? " INCLUDING STORAGE" : ""
    let placement =
      dialect.capabilities.distributedBy && !key.isEmpty
      ? " DISTRIBUTED BY (\(key.map(\.quoted).joined(separator: ", ")))" : ""
    return "CREATE TEMPORARY TABLE \(stage.quoted) (LIKE \(table.quoted)\(storage)) ON COMMIT DROP"
      + placement
  }

  private func merge(from stage: Identifier) throws(RenderingError) -> [String] {
    let move = "INSERT INTO \(table.quoted) (\(columnList)) SELECT \(columnList) FROM \(stage.quoted)"
    if case .fail = conflict { return [move] }
    guard !key.isEmpty else {
      throw RenderingError(.invalidShape, "a staged insertion into \(table.quoted) needs the key's columns")
    }
    let same = key.map { "\(table.quoted).\($0.quoted) = \(stage.quoted).\($0.quoted)" }
      .joined(separator: " AND ")
    let insertNew = move + " WHERE NOT EXISTS (SELECT 1 FROM \(table.quoted) WHERE \(same))"
    let others = columns.map(\.name).filter { !key.contains($0) }
    guard case .update = conflict, !others.isEmpty else { return [insertNew] }
    let changes = others.map { "\($0.quoted) = \(stage.quoted).\($0.quoted)" }.joined(separator: ", ")
    return ["UPDATE \(table.quoted) SET \(changes) FROM \(stage.quoted) WHERE \(same)", insertNew]
  }

  private var key: [Identifier] {
    switch conflict {
    case .fail: []
    case .skip(let key), .update(let key): key
    }
  }
}

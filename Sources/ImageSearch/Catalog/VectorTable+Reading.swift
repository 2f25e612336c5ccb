public import PostgresClient
public import VectorSQL

extension VectorTable {
  /// Reads a table's description; SQL that a 9.4 base (Greenplum 6) understands.
  ///
  /// - Parameter vectorColumn: the column whose indexes are wanted.
  /// - Throws: `VectorTableError` when the table is not there; `PostgresError`.
  public static func read(
    _ name: QualifiedName,
    vectorColumn: Identifier,
    from connection: PostgresConnection
  ) async throws -> VectorTable {
    let rows = try await connection.query(
      Statement(
        trusted: tableQuery(hasRowSecurity: connection.serverVersion >= 90_500),
        binds: [.text(name.name.name), name.schema.map { .text($0.name) } ?? .null]
      )
    )
    guard let row = rows.first else {
      throw VectorTableError(
        code: .missingTable,
        description: "the table \(name.display) does not exist in this database; make it: adbvec migrate up"
      )
    }
    let (oid, schema, kind, estimate, isOwned, hasTriggers, hasParts, hasRowSecurity) = try row.decode(
      UInt32.self,
      String.self,
      String.self,
      Double.self,
      Bool.self,
      Bool.self,
      Bool.self,
      Bool.self
    )
    return VectorTable(
      name: QualifiedName(schema: try Identifier(validating: schema), name: name.name),
      oid: oid,
      kind: Kind(rawValue: kind),
      columns: try await readColumns(oid, connection),
      vectorIndexes: try await readIndexes(oid, vectorColumn, connection),
      estimatedRows: estimate,
      isOwned: isOwned,
      hasParts: hasParts,
      hasRowSecurity: hasRowSecurity,
      mayHaveTriggers: hasTriggers || kind != Kind.table.rawValue
    )
  }

  private static func readColumns(_ oid: UInt32, _ connection: PostgresConnection) async throws -> [Column] {
    let query = columnQuery(hasIdentity: connection.serverVersion >= 100_000)
    return try await connection.query(Statement(trusted: query, binds: [.int8(Int64(oid))])).map { row in
      let (name, type, typeOID, isRequired, hasDefault, isUnique, storage) = try row.decode(
        String.self,
        String.self,
        UInt32.self,
        Bool.self,
        Bool.self,
        Bool.self,
        String.self
      )
      return Column(
        name: name,
        type: type,
        typeOID: typeOID,
        isRequired: isRequired,
        hasDefault: hasDefault,
        isUnique: isUnique,
        storage: storage
      )
    }
  }

  private static func readIndexes(
    _ oid: UInt32,
    _ column: Identifier,
    _ connection: PostgresConnection
  ) async throws -> [Index] {
    let binds: [SQLValue] = [.int8(Int64(oid)), .text(column.name)]
    return try await connection.query(Statement(trusted: indexQuery, binds: binds)).map { row in
      let (name, method, operatorClass, options, definition, isValid, isAttached) = try row.decode(
        String.self,
        String.self,
        String.self,
        [String].self,
        String.self,
        Bool.self,
        Bool.self
      )
      return Index(
        name: name,
        method: method,
        operatorClass: operatorClass,
        options: parse(options),
        definition: definition,
        isAttached: isAttached,
        isValid: isValid
      )
    }
  }

  private static func parse(_ options: [String]) -> [String: String] {
    let pairs = options.map { $0.split(separator: "=", maxSplits: 1) }
    return Dictionary(
      pairs.map { ($0[0].lowercased(), $0.count > 1 ? String($0[1]) : "") },
      uniquingKeysWith: { _, last in last }
    )
  }
}

extension QualifiedName {
  /// `schema.table` for messages, without quotes.
  var display: String {
    (schema.map { $0.name + "." } ?? "") + name.name
  }
}

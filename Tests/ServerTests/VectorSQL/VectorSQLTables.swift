import VectorSQL
import VectorSQLExamples

/// The tables of the examples, with the same rows in every run.
enum ExampleTables {
  static let imageVector = VectorColumn("image_vector", dim: 8)

  static let rowCount = 400

  /// The vector of a row: eight numbers between -1 and 1 from a hash of the id.
  static func vector(_ id: Int, _ salt: UInt64 = 0) -> [Float] {
    var state = UInt64(id) &* 0x9e37_79b9_7f4a_7c15 &+ salt
    return (0..<8).map { _ in
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Float(Int32(truncatingIfNeeded: state >> 33) % 1000) / 1000
    }
  }

  static func label(_ id: Int) -> String { ["cat", "dog", "lamp", "it's"][id % 4] }

  static func script(for dialect: Dialect) throws -> String {
    let products = Products()
    var columns: [TableDefinition.ColumnDefinition] = [
      .init("id", .bigint, notNull: true), .init("price", .double), .init("title", .text),
      .init("tags", .textArray), .init("details", .jsonb), .init("listed", .date),
      .init("changed", .plain(.timestamptz)), .init(products.feature), .init(products.shape),
    ]
    for column in [products.bits, products.half, products.sparse, products.short]
    where (try? dialect.type(of: column.element)) != nil {
      columns.append(.init(column))
    }
    let images = TableDefinition(
      "public.image_search",
      columns: [.init("id", .integer, notNull: true), .init("class", .text), .init(imageVector)],
      primaryKey: ["id"]
    )
    let orders = TableDefinition(
      Orders.name,
      columns: [
        .init("id", .bigint, notNull: true), .init("product", .bigint), .init("shop", .bigint, notNull: true),
        .init("paid", .double), .init("count", .bigint), .init("day", .date),
        .init("sent", .plain(.timestamptz)), .init("receipt", .plain(.bytea)),
      ],
      primaryKey: ["id", "shop"]
    )
    let shops = TableDefinition(
      Shops.name,
      columns: [.init("id", .bigint, notNull: true), .init("title", .text)],
      primaryKey: ["id"]
    )
    let tables = [
      TableDefinition(Products.name, columns: columns, primaryKey: ["id"]), images, orders, shops,
    ]
    var statements: [String] = []
    for table in tables { statements += try table.statements(for: dialect).map(\.text) }
    statements.append(try insertProducts(dialect))
    statements.append(try insertImages(dialect))
    for (table, column) in [(Products.name, products.feature), ("public.image_search", imageVector)] {
      let index = IndexDefinition(
        on: table,
        column,
        by: .l2,
        using: .hnsw(),
        name: try Identifier(validating: column.name.name + "_index")
      )
      statements.append(try index.rendered(for: dialect).text)
    }
    return statements.map { $0 + ";\n" }.joined() + "ANALYZE;\n"
  }

  private static func insertImages(_ dialect: Dialect) throws -> String {
    let insert = InsertStatement(into: "public.image_search", columns: ["id", "class", .init(imageVector)])
    let rows: [[InsertStatement.Cell]] = (0..<rowCount).map {
      [.value(.int4(Int32($0))), .value(.text(label($0))), .vector(vector($0))]
    }
    let nullRow: [InsertStatement.Cell] = [.value(.int4(100_000)), .value(.text("none")), .value(.null)]
    return try insert.statement(rows: rows + [nullRow], for: dialect).inlined
  }

  private static func insertProducts(_ dialect: Dialect) throws -> String {
    let insert = Insert(into: Products.self).columns {
      ($0.id, $0.price, $0.title, $0.tags, $0.feature, $0.shape)
    }
    let rows = (0..<100).map { id in
      (Int64(id), Double(id) * 2, String?(label(id)), ["new", "red"], vector(id), vector(id, 99))
    }
    return try insert.statements(rows: rows, for: dialect).map(\.inlined).joined(separator: ";\n")
  }
}

extension Statement {
  /// The statement with its values in place of `$1 … $n`, for psql.
  var inlined: String {
    var result = ""
    var rest = text[...]
    while let dollar = rest.firstIndex(of: "$") {
      let digits = rest[rest.index(after: dollar)...].prefix { $0.isNumber }
      result += rest[..<dollar]
      result += Int(digits).map { binds[$0 - 1].literal } ?? "$"
      rest = rest[digits.endIndex...]
    }
    return result + rest
  }
}

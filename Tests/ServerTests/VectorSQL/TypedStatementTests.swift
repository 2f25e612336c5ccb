import Foundation
import PostgresClient
import Testing
import VectorSQL

private struct Offers: Table {
  static let name: QualifiedName = "pg_temp.offers"
  let id = Column<Int>("id"), shop = Column<Int?>("shop"), price = Column<Double>("price")
  let title = Column<String>("title"), details = Column<JSONDocument>("details"),
    day = Column<CalendarDate>("day")
  let key = Column<UUID>("key"), picture = Column<[UInt8]>("picture"), tags = Column<[String]>("tags")
  let vector = VectorColumn("vector", dim: 2)
}

private struct Shops: Table {
  static let name: QualifiedName = "pg_temp.shops"
  let id = Column<Int>("id"), name = Column<String>("name"), limit = Column<Double>("limit")
}

private struct Bills: Table {
  static let name: QualifiedName = "pg_temp.bills"
  let number = Column<Int16>("number"), total = Column<Decimal>("total"), paid = Column<Date>("paid")
}

private struct Offer: Equatable {
  let id: Int
  let price: Double
}

private struct Match: Equatable {
  let distance: Double
  let id: Int
  let title: String
}

/// The statements of a product's every day, typed from the table to the row.
@Suite struct TypedStatementTests {
  private func withTables(_ body: (PostgresConnection) async throws -> Void) async throws {
    let connection = try await ScratchSchema.connect()
    try await connection.run(
      """
      CREATE TEMP TABLE offers (id int PRIMARY KEY, shop int, price double precision NOT NULL, title text NOT NULL,
        details jsonb NOT NULL DEFAULT '{}', day date NOT NULL DEFAULT '2026-11-29', key uuid NOT NULL DEFAULT
        '1b4e28ba-2fa1-11d2-883f-0016d3cca427', picture bytea NOT NULL DEFAULT '\\x00ff', tags text[] NOT NULL DEFAULT '{}',
        vector vector(2), UNIQUE (shop, title));
      CREATE TEMP TABLE shops (id int PRIMARY KEY, name text NOT NULL, "limit" double precision NOT NULL);
      INSERT INTO shops VALUES (1, 'one', 5), (2, 'two', 50);
      INSERT INTO offers (id, shop, price, title, vector) SELECT g, CASE WHEN g % 10 = 0 THEN NULL ELSE 1 + g % 2 END, g % 7,
        'offer ' || g || CASE WHEN g % 3 = 0 THEN ' red shoes' ELSE ' hat' END, ('[' || g || ',1]')::vector
        FROM generate_series(1, 40) g
      """
    )
    try await body(connection)
    await connection.close()
  }

  @Test func rowsBecomeStructs() async throws {
    try await withTables { connection in
      let query = Select(from: Offers.self)
        .where { $0.id.isIn([3, 1, 2, 99]) }
        .where { $0.price.isAtLeast(2) }
        .columns { ($0.id, $0.price) }
        .order { [$0.price.descending] }
      let offers = try await connection.fetch(query, for: .pgvector, as: Offer.init)
      #expect(offers == [Offer(id: 3, price: 3), Offer(id: 2, price: 2)])
      #expect(try query.rendered(for: .pgvector).binds == [.int8Array([3, 1, 2, 99]), .float8(2)])
      let all = try await connection.fetch(
        Select(from: Offers.self).columns { ($0.key, $0.picture, $0.day, $0.details, $0.tags, $0.shop) }
          .limited(to: 1),
        for: .pgvector
      )
      let key = try #require(UUID(uuidString: "1B4E28BA-2FA1-11D2-883F-0016D3CCA427"))
      #expect(all[0].0 == key)
      #expect(all[0].1 == [0, 255])
      #expect(all[0].2 == CalendarDate(year: 2026, month: 11, day: 29))
      #expect(all[0].3 == JSONDocument("{}"))
      let found = Select(from: Offers.self)
        .where { $0.key.equals(key) }
        .where { $0.day.isAtMost(CalendarDate(daysSince2000: 9829)) }
        .where { $0.picture.equals([0, 255]) }
        .where { $0.details.contains(JSONDocument("{}")) }
        .columns { $0.id.count }
      #expect(try await connection.fetch(found, for: .pgvector) == [40])
    }
  }

  @Test func tablesAreJoinedAndGrouped() async throws {
    try await withTables { connection in
      let joined = Select(from: Offers.self)
        .join(Shops.self) { $0.shop.equals($1.id) }
        .where { offers, shops in offers.price.isGreater(than: shops.limit) }
        .columns { offers, shops in (offers.id, shops.name) }
        .order { offers, _ in [offers.id.ascending] }
      let rows = try await connection.fetch(joined, for: .pgvector)
      #expect(!rows.isEmpty)
      #expect(rows.allSatisfy { $0.1 == "one" && $0.0 % 7 > 5 })
      let missing = Select(from: Offers.self)
        .leftJoin(Shops.self) { $0.shop.equals($1.id) }
        .where { _, shops in shops.id.isNull }
        .columns { offers, shops in (offers.id, shops.name) }
      let unsold = try await connection.fetch(missing, for: .pgvector)
      #expect(Set(unsold.map(\.0)) == [10, 20, 30, 40])
      #expect(unsold.allSatisfy { $0.1 == nil })
      let groups = Select(from: Offers.self)
        .columns { ($0.shop, Expression.rowCount, $0.price.average, $0.price.minimum) }
        .grouped { $0.shop }
        .having { _ in Expression.rowCount.isGreater(than: 4) }
        .order { [$0.shop.ascending(nulls: .first)] }
      let counted = try await connection.fetch(groups, for: .pgvector)
      #expect(counted.map(\.0) == [1, 2])
      #expect(counted.map(\.1) == [16, 20])
    }
  }

  @Test func threeTablesAreJoined() async throws {
    try await withTables { connection in
      let query = Select(from: Offers.self)
        .join(Shops.self) { $0.shop.equals($1.id) }
        .leftJoin(Offers.self) { offers, _, others in
          offers.price.equals(others.price).and(others.id.isGreater(than: offers.id)).and(
            others.shop.equals(offers.shop)
          )
        }
        .columns { offers, shops, others in (shops.name, offers.id, others.id) }
        .order { offers, _, others in [offers.id.descending, others.id.ascending] }
        .limited(to: 9)
      let rows = try await connection.fetch(query, for: .pgvector)
      // 39 to 33 have no later offer of their price and shop; 25 has 39.
      #expect(rows.first?.1 == 39)
      #expect(rows.first?.2 == nil)
      #expect(rows.allSatisfy { $0.0 == ($0.1 % 2 == 0 ? "one" : "two") })
      let all = try await connection.fetch(query.limited(to: 1000), for: .pgvector)
      let expected = (1...40).filter { $0 % 10 != 0 }.map { id in
        max(1, (1...40).count { $0 > id && $0 % 10 != 0 && $0 % 2 == id % 2 && $0 % 7 == id % 7 })
      }
      #expect(all.count == expected.reduce(0, +))
    }
  }

  @Test func listsOfEveryTypeAreBoundAsOneArray() async throws {
    try await withTables { connection in
      let key = try #require(UUID(uuidString: "1B4E28BA-2FA1-11D2-883F-0016D3CCA427"))
      let day = try #require(CalendarDate(year: 2026, month: 11, day: 29))
      let query = Select(from: Offers.self)
        .where { $0.key.isIn([UUID(), key]) }
        .where { $0.day.isIn([day]) }
        .where { $0.details.isIn([JSONDocument("{}"), JSONDocument("[]")]) }
        .columns { $0.id.count }
      #expect(try await connection.fetch(query, for: .pgvector) == [40])
      try await connection.run(
        """
        CREATE TEMP TABLE bills (number smallint, total numeric, paid timestamptz);
        INSERT INTO bills VALUES (1, 12.50, '2026-11-29 08:00:00.25+00'), (2, 1e20, '2026-11-30 08:00+00')
        """
      )
      let paid = Date(timeIntervalSince1970: 1_795_939_200.25)
      let bills = Select(from: Bills.self)
        .where { $0.number.isIn([1, 3]) }
        .where { $0.total.isIn([Decimal(string: "12.5") ?? 0, 7]) }
        .where { $0.paid.isIn([paid]) }
        .columns { ($0.number, $0.total, $0.paid) }
      let found = try await connection.fetch(bills, for: .pgvector)
      #expect(found.count == 1)
      #expect(found.first?.1 == Decimal(string: "12.50"))
      #expect(found.first?.2 == paid)
    }
  }

  @Test func pagesByNullableKeysShowEachRowOnce() async throws {
    try await withTables { connection in
      for nulls in [Ordering.Nulls?.none, .first, .last] {
        for isDescending in [false, true] {
          let query = Select(from: Offers.self).columns { ($0.shop, $0.id) }
            .order {
              [
                isDescending ? $0.shop.descending(nulls: nulls) : $0.shop.ascending(nulls: nulls),
                $0.id.descending,
              ]
            }
          let all = try await connection.fetch(query, for: .pgvector).map(\.1)
          var page = query.limited(to: 7)
          var seen: [Int] = []
          while let rows = Optional(try await connection.fetch(page, for: .pgvector)), let last = rows.last {
            seen += rows.map(\.1)
            page = query.limited(to: 7).after(last.0, last.1)
          }
          #expect(seen == all, "\(isDescending) \(String(describing: nulls))")
          #expect(seen.count == 40)
        }
      }
    }
  }

  @Test func pagesByKeySetShowEachRowOnce() async throws {
    try await withTables { connection in
      let query = Select(from: Offers.self).columns { ($0.price, $0.id) }
        .order { [$0.price.descending, $0.id.ascending] }
        .limited(to: 6)
      var page = query
      var seen: [Int] = []
      while true {
        let rows = try await connection.fetch(page, for: .pgvector)
        guard let last = rows.last else { break }
        seen += rows.map(\.1)
        page = query.after(last.0, last.1)
      }
      #expect(seen.count == 40)
      #expect(Set(seen) == Set(1...40))
      #expect(throws: RenderingError.self) { try query.after(1).rendered(for: .pgvector) }
    }
  }

  @Test func changesShowTheirRows() async throws {
    try await withTables { connection in
      let insert = Insert(into: Offers.self).columns { ($0.id, $0.shop, $0.price, $0.title, $0.vector) }
      let rows: [(Int, Int?, Double, String, [Float])] = [
        (100, 1, 1, "new", [1, 2]), (101, 1, 9, "offer 2 hat", [1, 2]),
      ]
      var ids: [Int] = []
      for statement in insert.skippingConflicts(on: \.shop, \.title).returning(rows: rows, { $0.id }) {
        ids += try await connection.fetch(statement, for: .pgvector)
      }
      #expect(ids == [100])
      var prices: [Double] = []
      for statement in insert.updatingConflicts(on: \.shop, \.title).returning(rows: rows, { $0.price }) {
        prices += try await connection.fetch(statement, for: .pgvector)
      }
      #expect(prices == [1, 9])
      let update = try Update(Offers.self)
        .set(\.title, to: "dearer")
        .set(\.price) { "\(id: $0.price) + 1" }
        .set(\.vector, to: [5, 5])
        .where { $0.id.equals(100) }
        .returning { ($0.title, $0.price) }
      let dearer = Update(Offers.self).set(\.price, to: 2).where { $0.id.equals(1) }.returning {
        ($0.id, $0.price)
      }
      #expect(try await connection.fetch(dearer, for: .pgvector, as: Offer.init) == [Offer(id: 1, price: 2)])
      let changed = try await connection.fetch(update, for: .pgvector)
      #expect(changed.count == 1)
      #expect(changed[0] == ("dearer", 2))
      let removed = try await connection.fetch(
        Delete(from: Offers.self).where { $0.price.isLess(than: 1) }.returning { $0.id },
        for: .pgvector
      )
      #expect(Set(removed) == [7, 14, 21, 28, 35])
      #expect(throws: RenderingError.self) { try Delete(from: Offers.self).rendered(for: .pgvector) }
      #expect(throws: RenderingError.self) {
        try Update(Offers.self).set(\.price, to: 1).rendered(for: .pgvector)
      }
      #expect(throws: RenderingError.self) { try Update(Offers.self).everyRow.rendered(for: .pgvector) }
      let everything = try Delete(from: Offers.self).everyRow.rendered(for: .pgvector)
      #expect(try await connection.query(everything).affectedRows == 36)
    }
  }

  @Test func wordsAndVectorsAreFused() async throws {
    try await withTables { connection in
      let vectors = VectorSearch(
        table: Offers.name,
        columns: ["id", "title"],
        nearest: Offers().vector,
        to: .vector([20, 1]),
        by: .l2,
        limit: 10
      )
      var search = HybridSearch(
        vectors: vectors,
        key: "id",
        words: "red shoes",
        in: "to_tsvector('english', title)",
        language: "english",
        limit: 5
      )
      let rows = try await connection.query(search.rendered(for: .pgvector))
      let ids = try rows.map { try $0.value(at: 0, as: Int.self) }
      let scores = try rows.map { try $0.value(at: 2, as: Double.self) }
      #expect(ids.count == 5)
      #expect(scores == scores.sorted(by: >))
      // Rows in both lists come first: near to 20 and with both words.
      #expect(ids.prefix(2).allSatisfy { $0 % 3 == 0 && abs($0 - 20) <= 5 })
      search.wordWeight = 0
      let near = try await connection.query(search.rendered(for: .pgvector))
      #expect(try near.first?.value(at: 0, as: Int.self) == 20)
      search.wordWeight = -1
      #expect(throws: RenderingError.self) { try search.rendered(for: .pgvector) }
    }
  }

  @Test func typedSearchesBecomeStructsAndAreFusedWithWords() async throws {
    try await withTables { connection in
      let search = try Search(Offers.self)
        .select { ($0.id, $0.title) }
        .where { $0.shop.isNotNull }
        .nearest(\.vector, to: [20, 1], by: .l2, limit: 12)
      let matches = try await connection.fetch(search.exact, for: .pgvector, as: Match.init)
      #expect(matches.count == 12)
      #expect(matches[0].distance == 1)
      #expect(Set(matches.prefix(2).map(\.id)) == [19, 21])
      let fused = search.fused(
        withWords: "shoes",
        in: { "to_tsvector('english', \(id: $0.title))" },
        language: "english",
        key: \.id,
        limit: 6
      )
      let hits = try await connection.fetch(fused, for: .pgvector)
      #expect(hits.count == 6)
      #expect(hits.map(\.distance) == hits.map(\.distance).sorted(by: >))
      #expect(hits[0].row.0 == 21)
      #expect(hits[0].row.1.hasSuffix("shoes"))
    }
  }

  @Test func tableWithColumnNamedScoreIsFusedToo() async throws {
    try await withTables { connection in
      try await connection.run(
        """
        CREATE TEMP TABLE rated (id int PRIMARY KEY, score int, place int, title text, vector vector(2));
        INSERT INTO rated VALUES (1, 7, 8, 'red', '[1,1]'), (2, 8, 9, 'blue', '[5,5]')
        """
      )
      let search = HybridSearch(
        vectors: VectorSearch(
          table: "pg_temp.rated",
          columns: ["id", "score", "place"],
          nearest: VectorColumn("vector", dim: 2),
          to: .vector([1, 1]),
          by: .l2,
          limit: 5
        ),
        key: "id",
        words: "red",
        in: "to_tsvector('english', title)",
        language: "english",
        limit: 5
      )
      let rows = try await connection.query(search.rendered(for: .pgvector))
      #expect(try rows.map { try $0.value(at: 1, as: Int.self) } == [7, 8])
    }
  }
}

import VectorSQL

/// What it costs to write a search with five filters: built and rendered anew each time, as a server does for a request.
/// The peer is the same text put together by hand from strings, which is the least that any builder can cost.
///
///     swift run -c release --package-path Benchmarks/rendering

struct Products: Table {
  static let name: QualifiedName = "public.products"
  let id = Column<Int64>("id"), price = Column<Double>("price"), title = Column<String>("title")
  let stock = Column<Int32>("stock"), tags = Column<[String]>("tags")
  let feature = VectorColumn("feature", dim: 4)
}

let probe: [Float] = [0.1, 0.2, 0.3, 0.4]

func search(_ price: Double) throws -> NearestSearch<Products, Int64, Double, String> {
  try Search(Products.self)
    .select { ($0.id, $0.price, $0.title) }
    .where { $0.price.isBetween(price, 200) }
    .where { $0.title.isLike("%lamp%") }
    .where { $0.stock.isGreater(than: 0) }
    .where { $0.tags.contains(anyOf: ["red", "blue"]) }
    .where { $0.id.isNot(7) }
    .nearest(\.feature, to: probe, by: .l2, limit: 10)
}

func byHand(_ price: Double) -> Statement {
  let binds: [SQLValue] = [
    .vector(probe), .float8(price), .float8(200), .text("%lamp%"), .int4(0), .textArray(["red", "blue"]),
    .int8(7),
    .int8(10),
  ]
  var text = "SELECT \"id\", \"price\", \"title\", \"feature\" <-> $1::vector AS \"distance\""
  text += " FROM \"public\".\"products\" WHERE \"price\" BETWEEN $2 AND $3 AND \"title\" LIKE $4"
  text += " AND \"stock\" > $5 AND \"tags\" && $6 AND \"id\" <> $7 AND \"feature\" IS NOT NULL"
  text += " ORDER BY \"feature\" <-> $1::vector LIMIT $8"
  return Statement(trusted: text, binds: binds)
}

/// Microseconds for one call: the median of many batches.
func microseconds(_ body: (Double) throws -> Int) rethrows -> Double {
  let clock = ContinuousClock()
  var samples: [Double] = []
  var total = 0
  for batch in 0..<200 {
    let start = clock.now
    for call in 0..<200 { total &+= try body(Double(batch + call)) }
    let elapsed = (clock.now - start).components
    samples.append((Double(elapsed.seconds) * 1e6 + Double(elapsed.attoseconds) / 1e12) / 200)
  }
  precondition(total != 0)
  return samples.sorted()[samples.count / 2]
}

let same = try search(1).rendered(for: .pgvector).query == byHand(1)
let hand = microseconds { byHand($0).text.utf8.count }
let whole = try microseconds { try search($0).rendered(for: .pgvector).query.text.utf8.count }
let made = try search(1)
let rendering = try microseconds { _ in try made.rendered(for: .pgvector).query.text.utf8.count }

func line(_ name: String, _ value: Double) -> String {
  let tenths = Int(value * 10 + 0.5)
  return "\(name): \(tenths / 10).\(tenths % 10) µs, \(Int(value / hand + 0.5)) times by hand"
}

print("the same statement as by hand: \(same)")
print(line("by hand", hand))
print(line("rendering", rendering))
print(line("building and rendering", whole))

import Glibc
import VectorSQL

/// What it costs to write a search with five filters: built and rendered anew each time, as a server does for a request.
/// The peer is the same text put together by hand from strings, without the settings that the search needs, which is the least
/// that any builder can cost.
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

@inline(never)
func byHand(_ price: Double) -> Statement {
  let binds: [SQLValue] = [
    .vector(probe), .float8(price), .float8(200), .text("%lamp%"), .int4(0), .textArray(["red", "blue"]),
    .int8(7),
    .int8(10),
  ]
  var number = 0
  func parameter() -> String {
    number += 1
    return "$\(number)"
  }
  let vector = parameter() + "::vector"
  var text = "SELECT \"id\", \"price\", \"title\", \"feature\" <-> \(vector) AS \"distance\""
  text += " FROM \"public\".\"products\" WHERE \"price\" BETWEEN \(parameter()) AND \(parameter())"
  text += " AND \"title\" LIKE \(parameter()) AND \"stock\" > \(parameter()) AND \"tags\" && \(parameter())"
  text += " AND \"id\" <> \(parameter()) AND \"feature\" IS NOT NULL"
  text += " ORDER BY \"feature\" <-> \(vector) LIMIT \(parameter())"
  return Statement(trusted: text, binds: binds)
}

/// Microseconds of processor time for one call: the median of many batches, so that a busy machine does little harm.
func microseconds(_ body: (Double) throws -> Statement) rethrows -> Double {
  var samples: [Double] = []
  for batch in 0..<100 {
    let start = clock()
    var last = Statement("")
    for call in 0..<500 { last = try body(Double(batch + call)) }
    let elapsed = clock() - start
    precondition(last.binds.count == 8)
    samples.append(Double(elapsed) / 500)
  }
  return samples.sorted()[samples.count / 2]
}

let made = try search(1)
let query = try made.rendered(for: .pgvector).query
let same = query.text == byHand(1).text && query.binds == byHand(1).binds
let hand = microseconds(byHand)
let rendering = try microseconds { _ in try made.rendered(for: .pgvector).query }
let completed = try microseconds { _ in try made.rendered(for: .pgvector).completion ?? Statement("") }
let whole = try microseconds { try search($0).rendered(for: .pgvector).query }

func tenths(_ value: Double) -> String {
  let rounded = Int(value * 10 + 0.5)
  return "\(rounded / 10).\(rounded % 10)"
}

print("the same statement as by hand: \(same)")
let figures = [
  ("by hand", hand), ("rendering", rendering), ("rendering, and what completes a short answer", completed),
  ("building and rendering", whole),
]
for (name, value) in figures {
  print("\(name): \(tenths(value)) µs, \(tenths(value / hand)) times by hand")
}

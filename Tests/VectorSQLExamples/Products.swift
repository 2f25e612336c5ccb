package import VectorSQL

/// The table that the examples search.
package struct Products: Table {
  package static let name: QualifiedName = "public.products"
  package let id = Column<Int64>("id"), price = Column<Double>("price"), title = Column<String?>("title")
  package let tags = Column<[String]>("tags"), details = Column<JSONDocument>("details")
  package let listed = Column<CalendarDate>("listed"), changed = Column<Timestamp>("changed")
  package let feature = VectorColumn("feature", dim: 8), shape = VectorColumn("shape", dim: 8)
  package let bits = VectorColumn("bits", dim: 8, element: .bit)
  package let half = VectorColumn("half", dim: 8, element: .half)
  package let sparse = VectorColumn("sparse", dim: 8, element: .sparse)
  package let short = VectorColumn("short", dim: 8, element: .int16)

  package init() {}
}

/// The orders of a shop's day; a product may be gone.
package struct Orders: Table {
  package static let name: QualifiedName = "public.orders"
  package let id = Column<Int64>("id"), product = Column<Int64?>("product"), shop = Column<Int64>("shop")
  package let paid = Column<Double>("paid"), count = Column<Int64>("count")
  package let day = Column<CalendarDate>("day"), sent = Column<Timestamp?>("sent")
  package let receipt = Column<[UInt8]>("receipt")

  package init() {}
}

/// Where orders are placed.
package struct Shops: Table {
  package static let name: QualifiedName = "public.shops"
  package let id = Column<Int64>("id"), title = Column<String>("title")

  package init() {}
}

/// Query vectors of eight dimensions.
package let probe: [Float] = [0.5, -1, 2, 0, 0.25, 1, -3, 1e-7]
/// Another.
package let otherProbe: [Float] = [1, 1, 1, 1, -1, -1, -1, -1]

/// The tutorial's search: table `image_search`, by the id of an image.
package func imageSearch(
  to subject: VectorSearch.Subject = .row(key: "id", value: .int8(4999)),
  by metric: Metric = .l2,
  limit: Int = 10
) -> VectorSearch {
  VectorSearch(
    table: "public.image_search",
    columns: ["id", "class"],
    nearest: VectorColumn("image_vector", dim: 8),
    to: subject,
    by: metric,
    limit: limit
  )
}

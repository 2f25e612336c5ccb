import VectorSQL

struct Products: Table {
  static let name: QualifiedName = "public.products"
  let id = Column<Int64>("id"), price = Column<Double>("price"), title = Column<String?>("title")
  let tags = Column<[String]>("tags"), details = Column<JSONDocument>("details")
  let listed = Column<CalendarDate>("listed")
  let feature = VectorColumn("feature", dim: 3)
}

let probe: [Float] = [0.5, -1, 2]

/// The tutorial's search: table `image_search`, by the id of a picture.
func imageSearch(
  to subject: VectorSearch.Subject = .row(key: "id", value: .int8(4999)),
  by metric: Metric = .l2,
  limit: Int = 10
) -> VectorSearch {
  VectorSearch(
    table: "public.image_search",
    columns: ["id", "class"],
    nearest: VectorColumn("image_vector", dim: 3),
    to: subject,
    by: metric,
    limit: limit
  )
}

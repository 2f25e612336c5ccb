/// Which column of a CSV file is what.
struct CSVColumns {
  let id: Int?
  let label: Int?
  /// One column with a vector's text, or all columns with its numbers.
  let vector: Range<Int>
  let count: Int

  private static let idNames: Set<String> = ["id", "image_id", "position"]
  private static let labelNames: Set<String> = ["class", "label", "category", "name"]
  private static let vectorNames: Set<String> = [
    "image_vector", "vector", "embedding", "features", "feature",
  ]

  /// From the names in a header; nil when the fields are no header.
  init?(header names: [String]) throws {
    let names = names.map { $0.lowercased().filter { $0 != " " } }
    let id = names.firstIndex { Self.idNames.contains($0) }
    let label = names.firstIndex { Self.labelNames.contains($0) }
    let vector = names.firstIndex { Self.vectorNames.contains($0) }
    guard id != nil || label != nil || vector != nil else { return nil }
    (self.id, self.label, count) = (id, label, names.count)
    if let vector {
      self.vector = vector..<vector + 1
    } else {
      let others = names.indices.filter { $0 != id && $0 != label }
      guard let first = others.first, let last = others.last, last - first + 1 == others.count else {
        throw RowProblem(
          "the header names no vector column (vector, embedding, features) and no run of numbers"
        )
      }
      self.vector = first..<last + 1
    }
  }

  /// From the first row of a file without a header: id, class, vector; the class may be missing.
  /// - Throws: `RowProblem`, also when a second field of digits may be a class as well as the vector's first number.
  init(firstRow fields: [String]) throws {
    count = fields.count
    guard fields.count >= 2, Int64(fields[0]) != nil else {
      throw RowProblem("without a header a row is id,class,vector; the first field is no integer")
    }
    id = 0
    let second = fields[1].drop { $0 == " " }
    let secondIsVector = second.first.map { "{[".contains($0) } ?? false
    let thirdIsVector = fields.count == 3 && fields[2].first { $0 != " " }.map { "{[".contains($0) } ?? false
    if fields.count > 2, !thirdIsVector, Int64(second) != nil {
      throw RowProblem(
        "without a header the second field, \(second), may be a class or a number; name the columns: id,class,x1,x2…"
      )
    }
    label = secondIsVector || (fields.count > 2 && !thirdIsVector && Float(second) != nil) ? nil : 1
    let first = label == nil ? 1 : 2
    guard first < fields.count else { throw RowProblem("there is no vector behind id and class") }
    vector = first..<fields.count
  }
}

/// What the statements so far have made, as far as lint needs to know.
struct LintCatalog {
  struct Table {
    var madeInFile: String
    var columns: [String: Column] = [:]
    var keys: [[String]] = []
    /// The distribution key; empty for none, nil where the server chooses.
    var distribution: [String]?
    var vectorIndexes = 0
    var hasRows = false
  }

  struct Column: Hashable {
    /// The type's name in lower case: `vector`, `real[]`.
    var type: String
    /// `vector(1000)` has 1000.
    var dimensions: Int?
    var isPlain = false
  }

  var tables: [String: Table] = [:]
  var indexTables: [String: String] = [:]

  /// `public.t` and `t` are one table for lint.
  static func key(_ name: String) -> String {
    let folded = name.split(separator: ".").map { part in
      part.hasPrefix("\"") ? String(part.dropFirst().dropLast()) : part.lowercased()
    }
    return (folded.first == "public" ? Array(folded.dropFirst()) : folded).joined(separator: ".")
  }
}

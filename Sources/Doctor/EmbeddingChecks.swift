internal import Basics
internal import Glibc
internal import ImageSearch
internal import PostgresClient
internal import VectorSQL

extension Facts {
  /// The vectors of some rows, taken at random, and what the images of some of them give when they are embedded again.
  struct VectorSample: Sendable, Hashable {
    /// The vectors' Euclidean lengths.
    var lengths: [Double] = []
    /// How many images were embedded again.
    var compared = 0
    /// The rows among them whose vector is another than the image's.
    var mismatches: [SampledRow] = []
    /// Why no image was embedded again.
    var reason = "no row says where its image lies"

    /// A row whose image was embedded again.
    struct SampledRow: Sendable, Hashable {
      /// The row's id, as the server writes it.
      var id: String
      /// Where its image lies.
      var source: String
    }

    /// Nothing yet.
    init() {}
  }

  /// At 5 % of foreign rows, some 50 are among them.
  private static let sampledRows = 1000

  /// The part of a vector's length by which it may differ from its image's. Half precision takes .001, another processor
  /// less; other weights or preprocessing make more than .05.
  private static let tolerance = 0.02

  /// Reads rows at random and embeds images again.
  static func sample(
    _ table: VectorTable,
    _ expectations: Expectations,
    _ recipe: RecordedRecipe?,
    _ connection: PostgresConnection
  ) async throws -> VectorSample? {
    let names = expectations.table
    let readable = ["vector", "halfvec", "real[]", "double precision[]"]
    guard let column = table.column(names.vectorColumn), readable.contains(column.typeName),
      let id = table.column(names.idColumn)
    else { return nil }
    let hasSource = table.column(names.sourceColumn).map {
      ["text", "character varying"].contains($0.typeName)
    }
    let source = hasSource == true ? names.sourceColumn.quoted : "NULL::text"
    let server = try await connection.capabilities()
    let rows = """
      SELECT \(names.idColumn.quoted) AS id, \(names.vectorColumn.quoted) AS vector, \(source) AS source
      FROM \(table.name.quoted) WHERE \(names.vectorColumn.quoted) IS NOT NULL
      """
    let outputs = "SELECT CAST(r.id AS text), CAST(r.vector AS real[]), CAST(r.source AS text)"
    var statement = Statement(
      trusted: "\(outputs) FROM (\(rows) LIMIT 100000) AS r ORDER BY random() LIMIT \(sampledRows)"
    )
    // Of a large table the first rows are not all of it: rows are found by random ids.
    if id.isUnique, ["smallint", "integer", "bigint"].contains(id.typeName), !server.isDistributed {
      let bounds = try await connection.query(
        Statement(
          trusted:
            "SELECT min(\(names.idColumn.quoted))::int8, max(\(names.idColumn.quoted))::int8 FROM \(table.name.quoted)"
        )
      )
      let (low, high) = try bounds[0].decode(Int64?.self, Int64?.self)
      guard let low, let high else { return nil }
      let wanted = (0..<sampledRows).map { _ in Int64.random(in: low...high) }
      statement = Statement(
        trusted: """
          \(outputs) FROM (SELECT DISTINCT f.id FROM unnest($1::int8[]) AS w(wanted), LATERAL (
            SELECT t.\(names.idColumn.quoted) AS id FROM \(table.name.quoted) t
            WHERE t.\(names.idColumn.quoted) >= w.wanted AND t.\(names.vectorColumn.quoted) IS NOT NULL
            ORDER BY t.\(names.idColumn.quoted) LIMIT 1) AS f) AS f
          JOIN (\(rows)) AS r ON r.id = f.id ORDER BY random()
          """,
        binds: [.int8Array(wanted)]
      )
    }
    var sample = VectorSample()
    var candidates: [(row: VectorSample.SampledRow, vector: [Float])] = []
    for row in try await connection.query(statement) {
      let (id, vector, source) = try row.decode(String.self, [Float].self, String?.self)
      sample.lengths.append(length(vector))
      if let source, candidates.count < expectations.images {
        candidates.append((.init(id: id, source: source), vector))
      }
    }
    guard let embed = expectations.embed, expectations.images > 0 else {
      sample.reason = "it was not asked for"
      return sample
    }
    guard let recipe else {
      sample.reason = "nothing is recorded about what made the vectors"
      return sample
    }
    guard !candidates.isEmpty else { return sample }
    do {
      let embedded = try await embed(recipe, candidates.map(\.row.source))
      sample.reason = "none of the \(candidates.count) images can be read where their rows say that they are"
      for (candidate, vector) in zip(candidates, embedded) {
        guard let vector else { continue }
        sample.compared += 1
        if difference(candidate.vector, vector) > tolerance { sample.mismatches.append(candidate.row) }
      }
    } catch is CancellationError {
      throw CancellationError()
    } catch {
      sample.reason = "\(error)"
    }
    return sample
  }

  private static func length(_ vector: [Float]) -> Double {
    vector.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
  }

  /// The distance as a part of the longer vector's length; 1 for vectors of different dimensions.
  private static func difference(_ left: [Float], _ right: [Float]) -> Double {
    guard left.count == right.count else { return 1 }
    let distance = length(zip(left, right).map { $0 - $1 })
    return distance == 0 ? 0 : distance / max(length(left), length(right))
  }
}

extension Check {
  /// Whether all vectors are of one recipe, the recorded one.
  static let embeddings = Check(name: "embeddings") { facts, expectations in
    guard let sample = facts.sample, !sample.lengths.isEmpty else {
      return .skipped("the table has no vectors to look at")
    }
    guard sample.mismatches.isEmpty else {
      let all = sample.mismatches.count == sample.compared
      let ids = sample.mismatches.prefix(5).map(\.id).joined(separator: ", ")
      let more = sample.mismatches.count > 5 ? ", …" : ""
      return .wrong(
        all
          ? "none of \(sample.compared) images embedded again by the recorded recipe gives the vector of its row"
          : "\(sample.mismatches.count) of \(sample.compared) images embedded again give another vector than their rows "
            + "have (ids \(ids)\(more)): these rows were made by another recipe, or their images have changed since",
        fix: embedAgain(sample.mismatches.map(\.source), expectations)
      )
    }
    let count = sample.lengths.count
    if facts.recipe?.recipe[.normalise] == "yes", facts.recipe?.recipe[.projection] ?? "none" == "none" {
      let odd = sample.lengths.count { abs($0 - 1) > 0.01 }
      guard odd == 0 else {
        return .wrong(
          "\(odd) of \(count) rows looked at have a vector whose length is not 1, which the recorded recipe makes it",
          fix: rows(condition: "NOT BETWEEN 0.99 AND 1.01", expectations)
        )
      }
    }
    if let mixture = Mixture(sample.lengths) {
      return .warning(
        "the vectors fall into two groups by their length: \(mixture.below) of \(count) rows looked at up to "
          + "\(Mixture.text(mixture.end)), the others from \(Mixture.text(mixture.start)) on; one recipe makes no such gap",
        fix: rows(
          condition: mixture.below * 2 < count
            ? "<= \(Mixture.text(mixture.middle))" : ">= \(Mixture.text(mixture.middle))",
          expectations
        )
      )
    }
    guard sample.compared > 0 else {
      return .skipped(
        "the lengths of \(count) vectors are of one kind; no image was embedded again: \(sample.reason)"
      )
    }
    // Of few images a twentieth of foreign rows may show none.
    let probability = 1 - pow(0.95, Double(sample.compared))
    let doubt =
      probability < 0.99 && sample.compared < count
      ? "; of 5 % foreign rows they would find one with a probability of \(Mixture.text(probability))"
      : ""
    return .ok("\(sample.compared) images embedded again give the vectors of their rows\(doubt)")
  }

  /// A query for the rows whose vector's length meets a condition, to see which they are before they are embedded again.
  private static func rows(condition: String, _ expectations: Expectations) -> String {
    let names = expectations.table
    return "see which rows they are, and embed their images again or remove them: "
      + "SELECT \(names.idColumn.quoted) FROM \(names.name.quoted) WHERE (SELECT sqrt(sum(x * x)) "
      + "FROM unnest(CAST(\(names.vectorColumn.quoted) AS real[])) AS x) \(condition);"
  }

  /// The command that embeds what lies where these images lie.
  private static func embedAgain(_ sources: [String], _ expectations: Expectations) -> String {
    let table =
      expectations.table.name == ImageTable().name
      ? "" : " --table \(Quoting.shellWord(expectations.table.name.quoted))"
    let folder = commonPlace(sources)
    return folder.count > 1
      ? "adbvec embed-load \(Quoting.shellWord(folder))\(table) --restart --on-conflict update"
      : "embed the images of these rows again: adbvec embed-load FOLDER\(table) --restart --on-conflict update"
  }

  /// The file of the records, or the deepest folder that holds all.
  private static func commonPlace(_ sources: [String]) -> String {
    let files = sources.map { source in
      let mark = source.lastIndex(of: "#")
      return mark.flatMap { Int(source[source.index(after: $0)...]) == nil ? nil : String(source[..<$0]) }
        ?? source
    }
    guard let first = files.first else { return "" }
    if first != sources.first, files.allSatisfy({ $0 == first }) { return first }
    var common = first.split(separator: "/", omittingEmptySubsequences: false).dropLast()
    for file in files {
      let parts = file.split(separator: "/", omittingEmptySubsequences: false).dropLast()
      common = zip(common, parts).prefix { $0 == $1 }.map(\.0)[...]
    }
    return common.joined(separator: "/")
  }
}

/// Two groups of vectors, told apart by their length alone.
struct Mixture: Sendable, Hashable {
  /// How many are in the group of the shorter ones.
  let below: Int
  /// The longest of these, and the shortest of the others.
  let end, start: Double

  /// Between both.
  var middle: Double { (end * start).squareRoot() }

  /// The widest gap between lengths, where it is wider than any that one group of vectors has.
  ///
  /// Lengths of one recipe lie close together. Of 200 or more from one normal distribution, no two
  /// neighbours behind the outermost 2 % are a standard deviation of their logarithms apart.
  init?(_ lengths: [Double]) {
    let logs = lengths.filter { $0 > 0 }.map(log).sorted()
    guard logs.count >= 200 else { return nil }
    let fewest = max(6, logs.count / 50)
    let cuts = fewest...(logs.count - fewest)
    guard let cut = cuts.max(by: { logs[$0] - logs[$0 - 1] < logs[$1] - logs[$1 - 1] }) else { return nil }
    let larger = cut * 2 > logs.count ? logs[..<cut] : logs[cut...]
    let mean = larger.reduce(0, +) / Double(larger.count)
    let deviation = (larger.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(larger.count)).squareRoot()
    guard logs[cut] - logs[cut - 1] > max(log(1.2), deviation) else { return nil }
    (below, end, start) = (cut, exp(logs[cut - 1]), exp(logs[cut]))
  }

  /// Three digits that count.
  static func text(_ value: Double) -> String {
    let digits = 2 - Int(log10(value).rounded(.down))
    let scale = pow(10, Double(digits))
    return "\((value * scale).rounded() / scale)"
  }
}

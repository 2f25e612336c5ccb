public import Basics
public import ArgumentParser
import CommandSupport
import FoundationEssentials
import ImageCodecs
internal import ImageSearch
import ImageSources
import Inference
import Ingestion
import PostgresClient

/// What a search is near to, and how it is done; shared by `search` and `sql query`.
struct SubjectOptions: ParsableArguments {
  /// What stands without an option: an image, as people type it first.
  @Argument(help: .hidden) var loose: [String] = []

  @Option(help: ArgumentHelp("Search with the vector of the row with this id.", valueName: "id"))
  var id: ImageID?

  @Option(help: ArgumentHelp("Search with an image.", valueName: "file"), completion: .file())
  var image: String?

  @Option(help: ArgumentHelp("Search with a vector: '[0.1, 0.2, …]'.", valueName: "numbers"))
  var vector: String?

  @Option(
    help: ArgumentHelp(
      "Search with a vector in a file: text, or the first row of a .npy.",
      valueName: "file"
    ),
    completion: .file()
  )
  var vectorFile: String?

  @Option(
    name: [.customShort("k"), .long],
    help: ArgumentHelp("How many rows to return.", valueName: "count")
  )
  var topK = 20

  @Option(
    name: .customLong("class"),
    help: ArgumentHelp("Only rows of this class.", valueName: "name"),
    completion: DatabaseCompletion.classes
  )
  var label: String?

  @Option(
    name: .customLong("where"),
    help: ArgumentHelp("Only rows that meet this SQL condition, sent as it is written.", valueName: "sql")
  )
  var condition: String?

  @Flag(help: "Compare with every row, without a vector index.")
  var exact = false

  @Option(
    help: ArgumentHelp(
      "Candidates that a graph search keeps; more raise recall and time.",
      valueName: "count"
    )
  )
  var efSearch: Int?

  @Option(
    help: ArgumentHelp(
      "Lists that a search by an ivfflat index visits; more finds more and takes longer.",
      valueName: "count"
    )
  )
  var probes: Int?

  @Flag(help: "With --id: include the row itself.")
  var includeSelf = false

  @Option(
    help: ArgumentHelp("l2, ip or cosine (default: the index's).", valueName: "name"),
    completion: .metrics
  )
  var metric: String?

  func validate() throws {
    if let efSearch { try checkRange("--ef-search", efSearch, 1...100_000) }
    try checkRange("--top-k", topK, 1...10_000)
  }

  /// Checks that there is one thing to search with. Called when a command runs: before, it would hide what is said of a
  /// misspelt option.
  func requireSubject() throws {
    let given = [id != nil, image != nil, vector != nil, vectorFile != nil].filter { $0 }.count
    if let word = loose.first {
      throw CommandFailure(
        "\(word) stands alone, and an image is named by --image",
        fix: "--image \(Quoting.shellWord(word))",
        exitCode: 64
      )
    }
    guard given == 1 else {
      throw ValidationError("give one of --id, --image, --vector and --vector-file")
    }
  }

  /// The request; an image is turned into its embedding first, by the recipe of the table's vectors.
  /// - Parameter connection: where the recipe is read from; nil takes what is given as it is.
  /// - Returns: the request, and the image searched for where one was given.
  func request(
    _ features: FeatureOptions,
    _ settings: Settings,
    _ connection: PostgresConnection?
  ) async throws -> (ImageQuery, Image?) {
    var queried: Image?
    let subject: ImageQuery.Subject
    if let id {
      subject = .id(id)
    } else if let image {
      let prepared = try features.prepare(settings, for: try await Self.recipe(settings, connection))
      let decoded = try Image(contentsOfFile: image, options: prepared.decoding)
      queried = decoded
      subject = .vector(try prepared.model.makeExtractor().features(of: decoded))
    } else if let vector {
      subject = .vector(try VectorArgument.parse(vector, of: "--vector"))
    } else {
      subject = .vector(try VectorArgument.read(file: vectorFile ?? ""))
    }
    var query = ImageQuery(subject, topK: topK, class: label, exact: exact)
    (query.options.efSearch, query.options.probes) = (efSearch, probes)
    (query.includesSubject, query.trustedCondition) = (includeSelf, condition)
    return (query, queried)
  }

  /// What is recorded of the table in force.
  private static func recipe(
    _ settings: Settings,
    _ connection: PostgresConnection?
  ) async throws -> RecordedRecipe? {
    guard let connection else { return nil }
    return try await settings.imageTable().recordedRecipe(on: connection)
  }
}

extension ImageID: ExpressibleByArgument {
  /// An id as people write it.
  public init?(argument: String) {
    guard !argument.isEmpty else { return nil }
    self.init(argument)
  }
}

/// A vector as people write it: numbers between commas, in `[…]`, `{…}` or bare.
enum VectorArgument {
  /// Reads the numbers.
  /// - Throws: `CommandFailure` naming the first element that is not a finite number.
  static func parse(_ text: String, of source: String) throws -> [Float] {
    let brackets: Set<Character> = ["[", "]", "{", "}"]
    var fields = text.filter { !brackets.contains($0) }.split(
      separator: ",",
      omittingEmptySubsequences: false
    )
    if fields.count > 1, fields.last?.allSatisfy(\.isWhitespace) ?? false { fields.removeLast() }
    // A gap between commas is a number that was lost: those behind it would move to another place.
    let parts = fields.flatMap { field in
      let words = field.split(whereSeparator: \.isWhitespace)
      return words.isEmpty && fields.count > 1 ? [""] : words
    }
    guard !parts.isEmpty else { throw CommandFailure("\(source) holds no numbers", exitCode: 64) }
    return try parts.enumerated().map { index, part in
      guard let value = Float(part), value.isFinite else {
        throw CommandFailure("element \(index) of \(source) is not a finite number", exitCode: 64)
      }
      return value
    }
  }

  /// Reads a file: a NumPy array gives its first row, anything else is text.
  static func read(file path: String) throws -> [Float] {
    switch try VectorFile(path: path) {
    case .text(let text)?: return try parse(text, of: path)
    case .row(let vector)?:
      guard !vector.isEmpty, vector.allSatisfy(\.isFinite) else {
        throw CommandFailure("the first row of \(path) holds no vector of finite numbers", exitCode: 64)
      }
      return vector
    case nil: throw CommandFailure("cannot read the vector file \(path)")
    }
  }
}

public import Basics
internal import FoundationEssentials

/// A search for the nearest images.
public struct ImageQuery: Sendable, Hashable {
  /// What the images are compared with.
  public enum Subject: Sendable, Hashable {
    /// A row of the table; it is left out of its own results.
    case id(ImageID)
    /// An embedding.
    case vector([Float])
  }

  /// How many images are wanted, which of them may be found, and how they are looked for.
  public struct Options: Sendable, Hashable {
    /// How many are wanted, 1…10,000.
    public var topK: Int
    /// Only images of this class.
    public var `class`: String?
    /// Compares with every row and uses no vector index.
    public var exact: Bool
    /// How many candidates a graph search keeps; nil leaves it to the server, or raises it to `topK`.
    public var efSearch: Int?
    /// How many lists an inverted-list search visits; nil leaves it to the server.
    public var probes: Int?
    /// The largest distance; hits farther away are left out.
    public var within: Double?
    /// Goes on behind an earlier answer to the same search; nil begins with the nearest.
    public var after: ImageCursor?

    /// Options of a search that begins with the nearest.
    public init(topK: Int = 20, class name: String? = nil, exact: Bool = false) {
      self.topK = topK
      self.class = name
      self.exact = exact
    }
  }

  /// What the images are compared with.
  public var subject: Subject
  /// How many images are wanted, and which.
  public var options: Options
  /// A condition in SQL that the caller vouches for, such as one that a user typed for its own database; never text
  /// from a client.
  public var trustedCondition: String?
  /// Keeps the row of `.id` among its results, at distance 0.
  public var includesSubject = false
  /// Rows that are left out, such as the examples that the vector was made of.
  public var excluded: [ImageID] = []

  /// A search with options.
  public init(_ subject: Subject, _ options: Options) {
    self.subject = subject
    self.options = options
  }

  /// A search that begins with the nearest.
  public init(_ subject: Subject, topK: Int = 20, class name: String? = nil, exact: Bool = false) {
    self.init(subject, Options(topK: topK, class: name, exact: exact))
  }
}

/// Images that a search is to find the like of, and images that it is to keep away from.
///
/// An image that is named twice counts twice.
public struct ImageExamples: Sendable, Hashable {
  /// Rows to be near to.
  public var like: [ImageID]
  /// Rows to be far from.
  public var unlike: [ImageID]
  /// Embeddings to be near to.
  public var vectors: [[Float]]

  /// Examples from their parts.
  public init(like: [ImageID] = [], unlike: [ImageID] = [], vectors: [[Float]] = []) {
    self.like = like
    self.unlike = unlike
    self.vectors = vectors
  }

  /// The vector to search near: the mean of the liked ones, moved on by its difference to the mean of the others.
  ///
  /// This is the "average vector" of recommendations: 2·mean(like) − mean(unlike). One vector is served by any index.
  /// - Parameter normalises: whether only directions count, so that a long vector does not outweigh the others.
  static func combined(like: [[Float]], unlike: [[Float]], normalises: Bool) -> [Float] {
    let near = mean(like, normalises)
    guard !unlike.isEmpty else { return near.map { Float($0) } }
    return zip(near, mean(unlike, normalises)).map { Float(2 * $0 - $1) }
  }

  private static func mean(_ vectors: [[Float]], _ normalises: Bool) -> [Double] {
    var sum = [Double](repeating: 0, count: vectors.first?.count ?? 0)
    for vector in vectors {
      let square = normalises ? vector.reduce(0.0) { $0 + Double($1) * Double($1) } : 1
      let length = square > 0 ? square.squareRoot() : 1
      for index in sum.indices { sum[index] += Double(vector[index]) / length }
    }
    return sum.map { $0 / Double(max(1, vectors.count)) }
  }
}

/// Where the next page of a search begins: behind the last hit of the page before, also when rows come and go.
///
/// An index returns equal distances in any order, and a distance that is computed without the index may differ in its
/// last digits. So a page begins a little before the last distance, and leaves out what was shown there.
public struct ImageCursor: Sendable, Hashable, CustomStringConvertible {
  /// The last hit's distance.
  public let distance: Double
  /// How many hits all pages so far have shown.
  public let seen: Int
  /// The hits at about this distance that were shown.
  public let shown: [ImageID]

  /// More hits at one distance than have room in a link may be shown twice.
  private static let (maximumShown, maximumBytes) = (200, 2_400)
  private static let maximumSeen = 1_000_000

  /// The place behind a page.
  ///
  /// - Parameters:
  ///   - hits: the page, nearest first.
  ///   - previous: the place where the page began; nil for the first page.
  /// - Returns: nil where nothing comes after a page, as after one without hits.
  public init?(after hits: [ImageHit], from previous: ImageCursor? = nil) {
    guard let last = hits.last, last.distance.isFinite else { return nil }
    distance = last.distance
    seen = (previous?.seen ?? 0) + hits.count
    guard seen <= Self.maximumSeen else { return nil }
    let floor = Self.floor(of: last.distance)
    let before = previous.map { $0.distance > floor ? $0.shown : [] } ?? []
    var (ids, bytes) = ([ImageID](), 0)
    for id in (before + hits.filter { $0.distance > floor }.map(\.id)).suffix(Self.maximumShown).reversed() {
      bytes += id.description.utf8.count + 3
      if bytes > Self.maximumBytes, !ids.isEmpty { break }
      ids.append(id)
    }
    shown = ids.reversed()
  }

  /// A place as ``description`` writes it; nil for any other text.
  public init?(_ text: String) {
    var base64 = text.replacing("-", with: "+").replacing("_", with: "/")
    base64 += String(repeating: "=", count: (4 - base64.utf8.count % 4) % 4)
    guard text.utf8.count <= 4_096, let data = Data(base64Encoded: base64),
      let written = try? JSONDecoder().decode(Written.self, from: data), written.distance.isFinite,
      (1...Self.maximumSeen).contains(written.seen),
      written.shown.count <= min(written.seen, Self.maximumShown)
    else { return nil }
    (distance, seen, shown) = (written.distance, written.seen, written.shown)
  }

  /// The place as a text for links: at most 4,096 letters, digits, `-` and `_`.
  public var description: String {
    let written = Written(distance: distance, seen: seen, shown: shown)
    guard let data = try? JSONEncoder().encode(written) else { return "" }
    return data.base64EncodedString().replacing("+", with: "-").replacing("/", with: "_").replacing(
      "=",
      with: ""
    )
  }

  /// Whether a hit comes after this place.
  public func precedes(_ hit: ImageHit) -> Bool { hit.distance > floor && !shown.contains(hit.id) }

  /// The distance that hits after this place are beyond.
  var floor: Double { Self.floor(of: distance) }

  private static func floor(of distance: Double) -> Double {
    distance - max(abs(distance) * 1e-6, 1e-9)
  }

  private struct Written: Codable {
    let distance: Double
    let seen: Int
    let shown: [ImageID]

    enum CodingKeys: String, CodingKey {
      case distance = "d"
      case seen = "n"
      case shown = "s"
    }
  }
}

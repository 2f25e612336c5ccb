/// The table of images behind the page.
///
/// An implementation throws ``BackendError`` for what the person who searches can understand; every other error is
/// logged and answered with a plain 500.
public protocol SearchBackend: Sendable {
  /// Finds the nearest images.
  func search(_ query: SearchQuery) async throws -> SearchAnswer
  /// One image of the collection; nil when there is no such row.
  func image(id: Int64) async throws -> CollectionImage?
  /// Up to `count` images to start from, any of the collection, or of one class.
  func sample(_ count: Int, label: String?) async throws -> [CollectionImage]
  /// The first `limit` classes, in their order.
  func classes(limit: Int) async throws -> [String]
  /// Returns when the database answers.
  func checkConnection() async throws
}

/// An image of the collection, as the table knows it.
public struct CollectionImage: Sendable, Hashable {
  /// The row's id.
  public var id: Int64
  /// The row's class.
  public var label: String?
  /// Where the image came from, as the loader wrote it.
  public var source: String?

  /// An image from its row.
  public init(id: Int64, label: String? = nil, source: String? = nil) {
    self.id = id
    self.label = label
    self.source = source
  }
}

/// A search for the nearest images.
public struct SearchQuery: Sendable, Hashable {
  /// What the images shall be near to.
  public enum Subject: Sendable, Hashable {
    /// An image of the collection.
    case id(Int64)
    /// A feature vector.
    case vector([Float])
  }

  /// What the images shall be near to.
  public var subject: Subject
  /// How many are wanted.
  public var count: Int
  /// Only this class.
  public var label: String?
  /// Compare with every row instead of walking the index.
  public var exact: Bool
  /// How many candidates the index keeps; nil leaves it to the server.
  public var efSearch: Int?

  /// A query.
  public init(
    _ subject: Subject,
    count: Int,
    label: String? = nil,
    exact: Bool = false,
    efSearch: Int? = nil
  ) {
    self.subject = subject
    self.count = count
    self.label = label
    self.exact = exact
    self.efSearch = efSearch
  }
}

/// What a search found.
public struct SearchAnswer: Sendable, Hashable {
  /// An image found and how far it is.
  public struct Hit: Sendable, Hashable {
    /// The image.
    public var image: CollectionImage
    /// The true distance in the table's metric.
    public var distance: Double

    /// A hit from its parts.
    public init(_ image: CollectionImage, distance: Double) {
      self.image = image
      self.distance = distance
    }
  }

  /// The images, nearest first.
  public var hits: [Hit]
  /// The same search as SQL that psql runs unchanged.
  public var sql: String
  /// From sending the statement to having every row, in milliseconds.
  public var databaseMilliseconds: Double

  /// An answer from its parts.
  public init(hits: [Hit], sql: String, databaseMilliseconds: Double) {
    self.hits = hits
    self.sql = sql
    self.databaseMilliseconds = databaseMilliseconds
  }
}

/// A failure of a backend that the person who searches is told about, in one line.
public struct BackendError: Error, Sendable, Hashable, CustomStringConvertible {
  /// The kind of failure; open, so that a new kind breaks nobody's switch.
  public struct Code: Sendable, Hashable {
    let name: String

    /// There is no such image in the collection.
    public static let notFound = Code(name: "not-found")
    /// The search asks for something impossible.
    public static let invalidSearch = Code(name: "invalid-search")
    /// The upload is no image, or a damaged one.
    public static let unreadableImage = Code(name: "unreadable-image")
    /// The image has more pixels or bytes than are allowed.
    public static let imageTooLarge = Code(name: "image-too-large")
    /// The database, or whatever else is needed, does not answer now.
    public static let unavailable = Code(name: "unavailable")
  }

  /// The kind of failure.
  public let code: Code
  /// One line: what, and what to do.
  public let description: String

  /// An error with its line.
  public init(_ code: Code, _ description: String) {
    self.code = code
    self.description = description
  }
}

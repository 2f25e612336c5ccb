/// A search for the nearest images.
public struct ImageQuery: Sendable, Hashable {
  /// What the images are compared with.
  public enum Subject: Sendable, Hashable {
    /// A row of the table; it is left out of its own results.
    case id(ImageID)
    /// An embedding.
    case vector([Float])
  }

  /// What the images are compared with.
  public var subject: Subject
  /// How many are wanted, 1…10,000.
  public var topK: Int
  /// Only images of this class.
  public var `class`: String?
  /// A condition in SQL that the caller vouches for, such as one that a user typed for its own database; never text
  /// from a client.
  public var trustedCondition: String?
  /// Compares with every row and uses no vector index.
  public var exact: Bool
  /// How many candidates a graph search keeps; nil leaves it to the server, or raises it to `topK`.
  public var efSearch: Int?
  /// How many lists an inverted-list search visits; nil leaves it to the server.
  public var probes: Int?
  /// Keeps the row of `.id` among its results, at distance 0.
  public var includesSubject: Bool

  /// A search.
  public init(
    _ subject: Subject,
    topK: Int = 20,
    class name: String? = nil,
    exact: Bool = false,
    efSearch: Int? = nil,
    probes: Int? = nil,
    includesSubject: Bool = false,
    trustedCondition: String? = nil
  ) {
    self.subject = subject
    self.topK = topK
    self.class = name
    self.exact = exact
    self.efSearch = efSearch
    self.probes = probes
    self.includesSubject = includesSubject
    self.trustedCondition = trustedCondition
  }
}

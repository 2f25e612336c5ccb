public import Basics
public import ImageSearch

/// The table of images behind the page.
///
/// An implementation throws ``BackendError`` for what the person who searches can understand; every other error is
/// logged and answered with a plain 500.
public protocol SearchBackend: Sendable {
  /// Finds the nearest images.
  func search(_ query: ImageQuery) async throws -> ImageAnswer
  /// A row of the table; nil when there is no such row.
  func row(id: ImageID) async throws -> ImageRow?
  /// Up to `count` rows to start from, any of the table, or of one class.
  func sample(_ count: Int, class name: String?) async throws -> [ImageRow]
  /// The first `limit` classes, in their order, with their sizes.
  func classes(limit: Int) async throws -> [ImageClass]
  /// The vector to search near for several examples.
  func vector(for examples: ImageExamples) async throws -> [Float]
  /// Returns when the database answers.
  func checkConnection() async throws
}

/// A failure of a backend that the person who searches is told about, in one line.
public struct BackendError: Error, Sendable, Hashable, CustomStringConvertible {
  /// The kind of failure; open, so that a new kind does not break a switch in other code.
  public struct Code: Sendable, Hashable {
    let name: String

    /// There is no such image in the collection.
    public static let notFound = Code(name: "not-found")
    /// The search asks for something impossible.
    public static let invalidSearch = Code(name: "invalid-search")
    /// The upload is not an image, or a damaged one.
    public static let unreadableImage = Code(name: "unreadable-image")
    /// The image has more pixels or bytes than are allowed.
    public static let imageTooLarge = Code(name: "image-too-large")
    /// The server searches with no upload, because its network does not make vectors like the collection's.
    public static let uploadsRefused = Code(name: "uploads-refused")
    /// The table, a column or the right to read it is missing: whoever runs the server must look.
    public static let collectionUnreadable = Code(name: "collection-unreadable")
    /// The database, or something else that is needed, does not answer now.
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

public import ImageFeatures

/// One cell of a grid: an image and what is written under it.
public struct GridItem: Sendable, Hashable {
  /// The image; nil draws a placeholder.
  public var image: Image?
  /// The first line, e.g. the class.
  public var title: String
  /// The second line, e.g. the distance.
  public var detail: String?
  /// Whether this is the image that was searched for; it is marked.
  public var isQuery: Bool

  /// A cell.
  public init(image: Image?, title: String, detail: String? = nil, isQuery: Bool = false) {
    self.image = image
    self.title = title
    self.detail = detail
    self.isQuery = isQuery
  }
}

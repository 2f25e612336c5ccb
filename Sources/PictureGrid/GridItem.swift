public import ImageFeatures

/// One cell of a grid: a picture and what is written under it.
public struct GridItem: Sendable, Hashable {
  /// The picture; nil draws a placeholder.
  public var picture: Picture?
  /// The first line, e.g. the class.
  public var title: String
  /// The second line, e.g. the distance.
  public var detail: String?
  /// Whether this is the picture that was searched for; it is marked.
  public var isQuery: Bool

  /// A cell.
  public init(picture: Picture?, title: String, detail: String? = nil, isQuery: Bool = false) {
    self.picture = picture
    self.title = title
    self.detail = detail
    self.isQuery = isQuery
  }
}

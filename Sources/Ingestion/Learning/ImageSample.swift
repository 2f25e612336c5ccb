public import ImageSources
public import ImageFeatures

/// Some images of a collection, drawn at random but always the same for a seed; they keep their order and ids.
public struct ImageSample: ImageCollection {
  private let collection: any ImageCollection
  private let positions: [Int]

  /// The collection's name.
  public var name: String { collection.name }
  /// How many images were drawn.
  public var count: Int { positions.count }

  /// Draws from a collection; all of it when it has no more than asked for.
  public init(of collection: any ImageCollection, count: Int, seed: UInt64) {
    self.collection = collection
    var generator = SeededGenerator(seed: seed)
    positions =
      collection.count <= count
      ? Array(0..<collection.count)
      : (0..<collection.count).shuffled(using: &generator).prefix(count).sorted()
  }

  /// What is known of a drawn image; its id is the collection's.
  public func entry(at position: Int) throws -> ImageEntry { try collection.entry(at: positions[position]) }

  /// The drawn image's coarser class.
  public func coarseLabel(at position: Int) throws -> String? {
    try collection.coarseLabel(at: positions[position])
  }

  /// Reads and decodes a drawn image.
  public func image(at position: Int) throws -> Image { try collection.image(at: positions[position]) }

  /// The whole collection's.
  public func fingerprint() throws -> SourceFingerprint { try collection.fingerprint() }
}

internal import ImageCodecs

/// The copies of an image whose features are averaged: several sizes, and mirror images.
public struct TestTimeAugmentation: Sendable, Hashable {
  /// What is done with an image's mirror image.
  public enum Mirror: String, Sendable, Hashable, CaseIterable {
    /// Only the image itself counts.
    case none
    /// The image and its mirror image count alike.
    case averaged
    /// The mirror image stands in for the image, to learn from it as from one more image.
    case only
  }

  /// The sides of the network's input as multiples of its own; 1 is the usual size.
  public let scales: [Double]
  /// The use of mirror images.
  public let mirror: Mirror

  /// The image alone, as the network wants it.
  public static let one = TestTimeAugmentation(trustedScales: [1], mirror: .none)

  /// Copies of an image.
  ///
  /// - Throws: `NetworkError` with code `featureSyntax` for no scale, more than 8, a scale outside 0.25…4, or one named
  ///   twice.
  public init(scales: [Double] = [1], mirror: Mirror = .none) throws {
    guard (1...8).contains(scales.count), scales.allSatisfy({ (0.25...4).contains($0) }),
      Set(scales).count == scales.count
    else {
      let text = scales.map { String($0) }.joined(separator: ",")
      throw NetworkError(
        .featureSyntax,
        "\"\(text)\" are not scales: give 1 to 8 different numbers from 0.25 to 4, as in 0.7,1,1.4"
      )
    }
    self.init(trustedScales: scales, mirror: mirror)
  }

  /// Reads scales as they are written on the command line: `0.7,1,1.4`.
  ///
  /// - Throws: As `init(scales:mirror:)`.
  public init(parsing text: String, mirror: Mirror = .none) throws {
    let scales = text.split(separator: ",", omittingEmptySubsequences: false).map {
      Double($0.filter { $0 != " " }) ?? .nan
    }
    try self.init(scales: scales, mirror: mirror)
  }

  private init(trustedScales: [Double], mirror: Mirror) {
    scales = trustedScales
    self.mirror = mirror
  }

  /// Whether a feature is the mean of more than one.
  var isAverage: Bool { scales.count > 1 || mirror == .averaged }

  /// The network's recipe at one scale: resized and cropped to that many times the sides, rounded to whole pixels.
  static func scaled(_ recipe: Preprocessing, by scale: Double) -> Preprocessing {
    var scaled = recipe
    scaled.resize = Int((Double(recipe.resize) * scale).rounded())
    scaled.crop = Int((Double(recipe.crop) * scale).rounded())
    return scaled
  }

  /// Turns a network's input (channel, row, column) into its mirror image.
  static func mirror(_ input: UnsafeMutableBufferPointer<Float>, side: Int) {
    for row in stride(from: 0, to: input.count, by: side) {
      for column in 0..<side / 2 { input.swapAt(row + column, row + side - 1 - column) }
    }
  }
}

extension TestTimeAugmentation: CustomStringConvertible {
  /// The copies in a few words, empty for the image alone.
  public var description: String {
    var words: [String] = []
    if scales != [1] { words.append("scales:" + scales.map { String($0) }.joined(separator: ",")) }
    if mirror != .none { words.append("mirror:\(mirror.rawValue)") }
    return words.joined(separator: " ")
  }
}

/// The size of a value in a network.
///  Values are stored pixel by pixel, the channels innermost; a sequence of tokens is one row of pixels, a
/// vector one pixel.
struct Extent: Sendable, Hashable {
  enum Layout: Sendable, Hashable { case map, tokens, vector }

  var layout: Layout
  var height: Int
  var width: Int
  var channels: Int

  static func map(height: Int, width: Int, channels: Int) -> Extent {
    Extent(layout: .map, height: height, width: width, channels: channels)
  }

  static func tokens(_ count: Int, channels: Int) -> Extent {
    Extent(layout: .tokens, height: 1, width: count, channels: channels)
  }

  static func vector(_ channels: Int) -> Extent {
    Extent(layout: .vector, height: 1, width: 1, channels: channels)
  }

  var pixels: Int { height * width }
  var count: Int { pixels * channels }
}

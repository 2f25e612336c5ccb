import CGD
import ImageCodecs

/// A drawing surface: filled shapes with smooth edges, images and text.
final class Canvas {
  let width: Int
  let height: Int
  private let surface: gdImagePtr
  private let text: TextRenderer

  /// libgd's messages would go to standard error.
  private static let silence: Void = gdSetErrorMethod { _, _, _ in }

  init(width: Int, height: Int, font: GridFont, background: RGBColor) throws {
    guard width > 0, height > 0, width <= 32_000, height <= 32_000, width * height <= 200_000_000 else {
      throw GridError(
        .invalidSize,
        "a drawing of \(width)x\(height) pixels is too large; draw fewer or smaller cells"
      )
    }
    try TextRenderer.checkLibrary()
    _ = Self.silence
    guard let surface = gdImageCreateTrueColor(Int32(width), Int32(height)) else {
      throw GridError(.drawing, "libgd cannot make a drawing of \(width)x\(height) pixels")
    }
    self.width = width
    self.height = height
    self.surface = surface
    text = TextRenderer(font: font)
    fill(Rectangle(x: 0, y: 0, width: width, height: height), background)
  }

  deinit { gdImageDestroy(surface) }

  struct Rectangle {
    var x: Int
    var y: Int
    var width: Int
    var height: Int

    func inset(_ by: Int) -> Rectangle {
      Rectangle(x: x + by, y: y + by, width: width - 2 * by, height: height - 2 * by)
    }
  }

  func fill(_ rectangle: Rectangle, _ colour: RGBColor, radius: Double = 0, opacity: Double = 1) {
    paint(rectangle, radius: radius) { _, _ in (colour, opacity) }
  }

  /// Draws an image at its own size, its corners rounded.
  func draw(_ image: Image, x: Int, y: Int, radius: Double = 0) {
    let frame = Rectangle(x: x, y: y, width: image.width, height: image.height)
    paint(frame, radius: radius) { column, row in
      (image.pixel(x: column, y: row) ?? .black, 1)
    }
  }

  enum Alignment { case left, centre, right }

  struct TextStyle {
    let size: Double
    var weight = TextRenderer.Weight.regular
    let colour: RGBColor
  }

  /// Draws one line, shortened with an ellipsis to a width; the box's left edge is `x`.
  func draw(
    _ line: String,
    x: Int,
    baseline: Int,
    width limit: Int,
    style: TextStyle,
    alignment: Alignment = .centre
  ) throws {
    let (weight, size) = (style.weight, style.size)
    let fitted = try text.fitted(line, width: limit, weight: weight, size: size)
    guard !fitted.isEmpty else { return }
    let slack = limit - (try text.width(of: fitted, weight: weight, size: size))
    let indent = alignment == .left ? 0 : alignment == .centre ? slack / 2 : slack
    let pen = TextRenderer.Pen(
      image: surface,
      x: x + indent,
      baseline: baseline,
      colour: style.colour.packed
    )
    try text.draw(fitted, weight: weight, size: size, with: pen)
  }

  func width(of line: String, size: Double, weight: TextRenderer.Weight = .regular) throws -> Int {
    try text.width(of: line, weight: weight, size: size)
  }

  func image() throws -> Image {
    var rgb = [UInt8](repeating: 0, count: width * height * 3)
    for y in 0..<height {
      guard let row = surface.pointee.tpixels?[y] else { continue }
      for x in 0..<width {
        let pixel = row[x]
        let index = (y * width + x) * 3
        rgb[index] = UInt8(truncatingIfNeeded: pixel >> 16)
        rgb[index + 1] = UInt8(truncatingIfNeeded: pixel >> 8)
        rgb[index + 2] = UInt8(truncatingIfNeeded: pixel)
      }
    }
    return try Image(width: width, height: height, rgb: rgb)
  }

  /// Blends a rounded rectangle into the surface; its edge covers pixels by their distance from it.
  private func paint(
    _ frame: Rectangle,
    radius: Double,
    _ source: (_ column: Int, _ row: Int) -> (RGBColor, opacity: Double)
  ) {
    for row in max(0, -frame.y)..<max(0, -frame.y, min(frame.height, height - frame.y)) {
      guard let pixels = surface.pointee.tpixels?[frame.y + row] else { continue }
      for column in max(0, -frame.x)..<max(0, -frame.x, min(frame.width, width - frame.x)) {
        let (colour, opacity) = source(column, row)
        let coverage = opacity * Self.coverage(column, row, frame, radius)
        guard coverage > 0 else { continue }
        let target = frame.x + column
        pixels[target] = colour.blended(over: pixels[target], coverage)
      }
    }
  }

  private static func coverage(_ column: Int, _ row: Int, _ frame: Rectangle, _ radius: Double) -> Double {
    guard radius > 0 else { return 1 }
    let fromEdgeX = min(Double(column), Double(frame.width - 1 - column)) + 0.5
    let fromEdgeY = min(Double(row), Double(frame.height - 1 - row)) + 0.5
    guard fromEdgeX < radius, fromEdgeY < radius else { return 1 }
    let dx = radius - fromEdgeX
    let dy = radius - fromEdgeY
    return max(0, min(1, radius - (dx * dx + dy * dy).squareRoot() + 0.5))
  }
}

extension RGBColor {
  var packed: Int32 { Int32(red) << 16 | Int32(green) << 8 | Int32(blue) }

  fileprivate func blended(over below: Int32, _ coverage: Double) -> Int32 {
    guard coverage < 1 else { return packed }
    func mix(_ above: UInt8, _ shift: Int32) -> Int32 {
      let under = Double(below >> shift & 0xFF)
      return Int32((under + (Double(above) - under) * coverage).rounded()) << shift
    }
    return mix(red, 16) | mix(green, 8) | mix(blue, 0)
  }
}

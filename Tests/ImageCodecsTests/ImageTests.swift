import ImageCodecs
import Testing

@Suite struct ImageTests {
  /// Three columns and two rows, red counting from 0.
  private func counting() throws -> Image {
    try Image(width: 3, height: 2, rgb: (0..<6).flatMap { [UInt8($0), 0, 0] })
  }

  @Test(
    arguments: [
      (1, 3, [0, 1, 2, 3, 4, 5]), (2, 3, [2, 1, 0, 5, 4, 3]), (3, 3, [5, 4, 3, 2, 1, 0]),
      (4, 3, [3, 4, 5, 0, 1, 2]),
      (5, 2, [0, 3, 1, 4, 2, 5]), (6, 2, [3, 0, 4, 1, 5, 2]), (7, 2, [5, 2, 4, 1, 3, 0]),
      (8, 2, [2, 5, 1, 4, 0, 3]),
    ] as [(Int, Int, [UInt8])]
  )
  func `EXIF orientations are turned upright`(orientation: Int, width: Int, reds: [UInt8]) throws {
    let upright = try counting().oriented(orientation)
    #expect(upright.width == width)
    #expect((0..<6).map { upright.rgb[$0 * 3] } == reds)
  }

  @Test(.enabled(if: SharedData.isPresent, "needs ../shared/data beside the package"))
  func `The orientation of a JPEG is ignored unless asked for`() throws {
    let path = SharedData.path("reference/set1/odd_exif_orientation6.jpg")
    let stored = try Image(contentsOfFile: path)
    let upright = try Image(contentsOfFile: path, options: .init(appliesOrientation: true))
    #expect(upright == stored.oriented(6))
    #expect(upright.width == stored.height)
  }

  @Test func `The orientation of a PNG is ignored unless asked for`() throws {
    var file = try counting().pngData()
    let exif: [UInt8] = [
      0x4D, 0x4D, 0, 42, 0, 0, 0, 8, 0, 1, 1, 18, 0, 3, 0, 0, 0, 1, 0, 8, 0, 0, 0, 0, 0, 0,
    ]
    file.insert(contentsOf: [0, 0, 0, 26] + Array("eXIf".utf8) + exif + [0, 0, 0, 0], at: 33)
    #expect(try Image(decoding: file) == counting())
    #expect(try Image(decoding: file, options: .init(appliesOrientation: true)) == counting().oriented(8))
  }

  @Test(arguments: 1...8)
  func `A TIFF is turned upright, as by Pillow`(orientation: Int) throws {
    let fields: [(UInt16, UInt32)] = [
      (256, 3), (257, 2), (258, 8), (259, 1), (262, 1), (273, 122), (274, UInt32(orientation)), (277, 1),
      (279, 6),
    ]
    var file: [UInt8] = [0x49, 0x49, 42, 0, 8, 0, 0, 0, 9, 0]
    for (tag, value) in fields {
      for half in [tag, 4] { withUnsafeBytes(of: half.littleEndian) { file += $0 } }
      for word in [1, value] { withUnsafeBytes(of: word.littleEndian) { file += $0 } }
    }
    file += [0, 0, 0, 0, 0, 1, 2, 3, 4, 5]
    let stored = try Image(width: 3, height: 2, rgb: (0..<6).flatMap { [UInt8](repeating: $0, count: 3) })
    #expect(try Image(decoding: file) == stored.oriented(orientation))
  }

  @Test(arguments: [(0, 1, 0), (1, 1, 2), (1, 1, 4), (-1, -1, 3), (Int.max, 2, 6)])
  func `Pixels must fit the size`(width: Int, height: Int, bytes: Int) {
    let error = #expect(throws: ImageError.self) {
      try Image(width: width, height: height, rgb: [UInt8](repeating: 0, count: bytes))
    }
    #expect(error?.code == .invalidSize)
  }

  @Test func `PNG keeps every pixel`() throws {
    let image = try Image(width: 37, height: 21, rgb: (0..<37 * 21 * 3).map { UInt8($0 * $0 % 256) })
    #expect(try Image(decoding: image.pngData()) == image)
  }

  @Test func `JPEG keeps the image roughly, better with a higher quality`() throws {
    let image = try Image(width: 16, height: 16, rgb: (0..<768).map { UInt8($0 / 3 % 256) })
    func error(_ quality: Int) throws -> Int {
      let again = try Image(decoding: image.jpegData(quality: quality))
      return zip(again.rgb, image.rgb).reduce(0) { $0 + abs(Int($1.0) - Int($1.1)) }
    }
    #expect(try error(98) < error(40))
    #expect(throws: ImageError.self) { try image.jpegData(quality: 0) }
  }

  @Test(arguments: [
    (300, 100, 60, 60, 20), (100, 300, 60, 20, 60), (40, 50, 60, 40, 50), (1000, 1, 10, 10, 1),
  ])
  func `Thumbnails fit a square and never enlarge`(width: Int, height: Int, side: Int, w: Int, h: Int) throws
  {
    let image = try Image(
      width: width,
      height: height,
      rgb: [UInt8](repeating: 7, count: width * height * 3)
    )
    let thumbnail = try image.thumbnail(side: side)
    #expect(thumbnail == (try Image(width: w, height: h, rgb: [UInt8](repeating: 7, count: w * h * 3))))
  }
}

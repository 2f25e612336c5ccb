import Foundation
import ImageCodecs
import Testing

/// `Image.resize` of Pillow 13.0.0.
@Suite struct ResamplerTests {
  struct Golden: Sendable {
    let source: (width: Int, height: Int)
    let target: (width: Int, height: Int)
    let interpolation: Interpolation
    /// Base64 of the RGB bytes.
    let rgb: String

    init(from source: (Int, Int), to target: (Int, Int), _ interpolation: Interpolation, _ rgb: String) {
      self.source = source
      self.target = target
      self.interpolation = interpolation
      self.rgb = rgb
    }
  }

  static let goldens = [
    Golden(
      from: (13, 9),
      to: (5, 4),
      .bilinear,
      "X15uaGt4dmNzo1dVV5GAi3iKh2iCeXR8bntCXHZrmnxieHaKao2LenlyfnCWkJk0f5F8e3qImHdmZ6Ry"
    ),
    Golden(
      from: (13, 9),
      to: (5, 4),
      .bicubic,
      "WllrZm16cl90r1BSUpmCjniNjGSDfXl8Zns2WG9wnXxjdnKOY5SPfXl1hm2ak50qfZN9eXWQnnVhYahv"
    ),
    Golden(
      from: (5, 4),
      to: (7, 6),
      .bilinear,
      """
      ACZORW6ZVoS0AjRocagpe7VgTIrKBj51ZlaRmVaVZSZrmmBMoGtui1uqMVOfhEWVvjqBtTVlvCJytyl2rDx1
      xE2wdmPHSoSub61EoUt9fkxlN4Ijvi+kYWiWPJCLjImKjTWUX1VvIq04khKUT2VYSohdukbZgBSoTlV+Ksdh
      """
    ),
    Golden(
      from: (5, 4),
      to: (7, 6),
      .bicubic,
      """
      ABtAR3egV5TKADZodrsPgMlaPozaADpuaFmQrlWaZRxunmU9p3JskFW5H1mlh0GU2i16xS1mxBR1wBx6uzN1
      3U6xd2DdMo2+Z704sUSGgURmJ4cR0yamWWmXIKGKiI+MliWeWFJuEb4tkwaYQ2lEP5lHwD3jhACvRVR6J9dk
      """
    ),
    Golden(
      from: (40, 3),
      to: (4, 5),
      .bilinear,
      "d1uDeGR1gYpqV0tLeWp+fnR1iYN3YV9lfIB3hox0lHiKcH6Md3t2gpdsk4FueoF7dHd1gJ9mk4dcgINw"
    ),
    Golden(
      from: (40, 3),
      to: (4, 5),
      .bicubic,
      "eVaEdmF3g5BlU0VGemd+fHJ1i4V2XVxkfIB2hY9xl3aLboCOdnp1gp5oln9ve4N+cnN1gKVjlIdagYFu"
    ),
    Golden(
      from: (1, 1),
      to: (3, 2),
      .bicubic,
      "ACZOACZOACZOACZOACZOACZO"
    ),
    Golden(
      from: (6, 4),
      to: (6, 9),
      .bilinear,
      """
      ACZOeKTSAjRontYQTIrKDFWbJidVhYzBIi9ppbkkZn/GDl2piypoqE6VdyNtuW1arGO9FXHN3DZ2xhhxuR9r
      xyqK3lCsI3/roHxavR+FblZArh+Pg3dwamTjZMI+syWZIowUlROTKJ4zsUnaYnxefWWFEJgks0NvapoyzWmn
      ZyKFQaxrBp482XtGwpE75JJuaQCUKsdhAqBF55A2440+7KFY
      """
    ),
  ]

  @Test(arguments: goldens)
  func `Resizing gives Pillow's bytes`(golden: Golden) throws {
    var resampler = Resampler()
    let resized = try resampler.resize(
      Self.pattern(golden.source.width, golden.source.height),
      width: golden.target.width,
      height: golden.target.height,
      interpolation: golden.interpolation
    )
    #expect(
      resized.rgb == Array(Data(base64Encoded: golden.rgb, options: .ignoreUnknownCharacters) ?? Data())
    )
  }

  @Test func `One resampler gives the same bytes for image after image`() throws {
    var reused = Resampler()
    for _ in 0..<2 {
      for golden in Self.goldens {
        let image = try Self.pattern(golden.source.width, golden.source.height)
        var fresh = Resampler()
        let (width, height) = golden.target
        #expect(
          try reused.resize(image, width: width, height: height, interpolation: golden.interpolation)
            == fresh.resize(image, width: width, height: height, interpolation: golden.interpolation)
        )
      }
    }
  }

  @Test(arguments: [(0, 5), (5, -1), (1 << 20, 5)])
  func `A size that makes no image is refused`(width: Int, height: Int) throws {
    var resampler = Resampler()
    let image = try Self.pattern(2, 2)
    #expect(throws: ImageError.self) { try resampler.resize(image, width: width, height: height) }
  }

  static func pattern(_ width: Int, _ height: Int) throws -> Image {
    var rgb: [UInt8] = []
    for index in 0..<width * height * 3 {
      let level = index * 37 + index * index % 251
      rgb.append(UInt8(level % 256))
    }
    return try Image(width: width, height: height, rgb: rgb)
  }
}

import Foundation
import ImageCodecs
import TestSupport
import Testing

/// HEIC and AVIF: small files that pillow-heif and Pillow wrote, red 4x, green 5y, blue 128.
@Suite(.enabled(if: HEIFFixture.isReadable, "libheif is not installed"))
struct HEIFTests {
  @Test(arguments: HEIFFixture.all)
  func `HEIC and AVIF have their size and colours`(fixture: HEIFFixture) throws {
    let header = try ImageHeader(decoding: fixture.bytes)
    #expect(header.format == .heif && header.width == 64 && header.height == 48)
    let image = try Image(decoding: fixture.bytes)
    #expect(image.width == 64 && image.height == 48)
    var difference = 0
    for y in 0..<48 {
      for x in 0..<64 {
        let pixel = try #require(image.pixel(x: x, y: y))
        difference += abs(Int(pixel.red) - 4 * x) + abs(Int(pixel.green) - 5 * y) + abs(Int(pixel.blue) - 128)
      }
    }
    #expect(difference / (64 * 48 * 3) <= 4)
  }

  @Test(arguments: HEIFFixture.all)
  func `They are reduced like other images`(fixture: HEIFFixture) throws {
    let options = Image.DecodingOptions(background: .white, fidelity: .fast, coveredSide: 4)
    let image = try Image(decoding: fixture.bytes, options: options)
    #expect(image.width == 16 && image.height == 12)
    #expect(abs(Int(image.pixel(x: 8, y: 6)?.red ?? 0) - 134) <= 6)
  }

  @Test(arguments: HEIFFixture.all)
  func `The limit of pixels is checked before decoding HEIC and AVIF`(fixture: HEIFFixture) {
    let error = #expect(throws: ImageError.self) {
      try Image(decoding: fixture.bytes, options: Image.DecodingOptions(maximumPixels: 64 * 48 - 1))
    }
    #expect(error?.code == .tooLarge)
  }

  @Test(arguments: HEIFFixture.all)
  func `Cut or damaged HEIC and AVIF do no harm`(fixture: HEIFFixture) {
    for count in stride(from: 12, to: fixture.bytes.count * 3 / 4, by: 7) {
      #expect(throws: ImageError.self) { try Image(decoding: Array(fixture.bytes[..<count])) }
    }
    var mutator = Mutator(seed: 1, fixture.bytes)
    for _ in 0..<40 {
      let options = Image.DecodingOptions(maximumPixels: 1 << 16)
      if let image = try? Image(decoding: mutator.next(), options: options) {
        #expect(image.rgb.count == image.width * image.height * 3)
      }
    }
  }
}

struct HEIFFixture: Sendable, CustomTestStringConvertible {
  let name: String
  let file: String

  var testDescription: String { name }
  var bytes: [UInt8] { Array(Data(base64Encoded: file, options: .ignoreUnknownCharacters) ?? Data()) }

  /// A machine without the library is told so by the error, which has its test in the shims of other libraries.
  static let isReadable: Bool = {
    do {
      _ = try ImageHeader(decoding: all[0].bytes)
      return true
    } catch { return (error as? ImageError)?.code != .unsupported }
  }()

  static let all = [
    HEIFFixture(
      name: "HEIC",
      file: """
        AAAAHGZ0eXBoZWljAAAAAG1pZjFoZWljbWlhZgAAAX1tZXRhAAAAAAAAACFoZGxyAAAAAAAAAABwaWN0AAAAAAAAAAAAAAAAAAAA
        ACJpbG9jAAAAAERAAAEAAQAAAAABoQABAAAAAAAAAUUAAAAjaWluZgAAAAAAAQAAABVpbmZlAgAAAAABAABodmMxAAAAAA5waXRt
        AAAAAAABAAAA/WlwcnAAAADdaXBjbwAAAHZodmNDAQNwAAAAkAAAAAAAHvAA/P34+AAADwNgAAEAGEABDAH//wNwAAADAJAAAAMA
        AAMAHroCQGEAAQAqQgEBA3AAAAMAkAAAAwAAAwAeoCCBBZbq5Ka5uAhoMCAAAAMDIAAAAwAhYgABAAZEAcFzwIkAAAATY29scm5j
        bHgAAQANAAaAAAAAFGlzcGUAAAAAAAAAQAAAAEAAAAAoY2xhcAAAAEAAAAABAAAAMAAAAAEAAAAAAAAAAv////AAAAACAAAAEHBp
        eGkAAAAAAwgICAAAABhpcG1hAAAAAAAAAAEAAQWBAgMFhAAAAU1tZGF0AAABQSgBrwT4mwiu6Pd0Xndobt+iMht4Z3F1efyReIw1
        v6diz94+T/kb+rV9AGxR0h924y1O7mUf6BNnxuUV/Z1awzVM3hiJX7c7EiFWq14nrE9Ar5+v05HGEGNxKBKLA0Cl0Cnh2c2f83xv
        MpZDd3Mr5ECfymedZYyvWSLNEnp0kejWfW0AF6j+KZ8pmLz93iluRvt7wwV8y0THB/iC8113CppmFQcAn/qNeZnmctCfH7NH1rN6
        E40sqv0Bb2KRgBROuSOQP/+G+7M+9knaEOsrp3QqLAoLFtbpIn1xTZppPyJ0Qm6+qBcJCbeU0Da3LpF+a6d28fxL52ig4ZpKoeeC
        OnbLsHg6UVJ88HCS9qrtUkxslr8NgW42EZKtMf2CsRwRcDtEAVkCyJZAz3aEsZQYulrJ0bh8wxITrf0f5o5AXZpcgA==
        """
    ),
    HEIFFixture(
      name: "AVIF",
      file: """
        AAAAIGZ0eXBhdmlmAAAAAGF2aWZtaWYxbWlhZk1BMUEAAADrbWV0YQAAAAAAAAAhaGRscgAAAAAAAAAAcGljdAAAAAAAAAAAAAAAAAAA
        AAAOcGl0bQAAAAAAAQAAAB5pbG9jAAAAAEQAAAEAAQAAAAEAAAETAAAArAAAAChpaW5mAAAAAAABAAAAGmluZmUCAAAAAAEAAGF2MDFD
        b2xvcgAAAABqaXBycAAAAEtpcGNvAAAAFGlzcGUAAAAAAAAAQAAAADAAAAAQcGl4aQAAAAADCAgIAAAADGF2MUOBIAAAAAAAE2NvbHJu
        Y2x4AAEADQAGgAAAABdpcG1hAAAAAAAAAAEAAQQBAoMEAAAAtG1kYXQSAAoJOBV/vaQENBpAMpwBFMJjJIEEEE8qgAAAwhEWfm6J/yts
        U+TDn0vFD+HrbdxsD0SmUE0z2pNlLp5yyZEXbIqmf/BG2jxAIVJcERf1Renw1RNzE0a/8KAk7eTnV0gU1I3UdOslTuUoeYAPGHs0CAbA
        auqP3+Mx35kHsLI3Dz6f//47+su4y+/Iwpv52hdX6sf/UkTkh0j02+jyBp0q+4RjWNOn9xj0NPUd
        """
    ),
  ]
}

internal import Basics
import CLCMS

/// What a file says of its colours, other than that they are sRGB.
enum ColourProfile: Sendable, Hashable {
  /// An ICC profile (ISO 15076-1).
  case icc([UInt8])
  /// Display P3 by its numbers (ITU-T H.273: primaries 12, sRGB's curve).
  case displayP3

  /// Profiles that are longer are not read.
  static let mostBytes = 4 << 20

  /// Of a PNG file: the chunk `iCCP`, a name and a compressed profile.
  init?(png bytes: UnsafeRawBufferPointer) {
    guard let chunk = PNGDecoder.chunk("iCCP", of: bytes), let end = chunk.firstIndex(of: 0),
      chunk.count > end + 2, chunk[end + 1] == 0
    else { return nil }
    var input = UnsafeRawBufferPointer(rebasing: chunk[(end + 2)...])
    guard let inflater = try? Inflater(.zlib) else { return nil }
    var profile: [UInt8] = []
    while !inflater.isFinished, profile.count < Self.mostBytes {
      var step = (consumed: 0, produced: 0)
      profile += [UInt8](unsafeUninitializedCapacity: 64 << 10) { buffer, count in
        step = (try? inflater.inflate(input, into: UnsafeMutableRawBufferPointer(buffer))) ?? (0, 0)
        count = step.produced
      }
      guard step != (0, 0) else { return nil }
      input = UnsafeRawBufferPointer(rebasing: input[step.consumed...])
    }
    guard inflater.isFinished else { return nil }
    self = .icc(profile)
  }
}

extension Image {
  /// Whether Little CMS is there, without which files with a profile cannot be read with ``DecodingOptions/convertsColours``.
  public static var canConvertColours: Bool { adbvec_lcms_problem() == nil }

  /// The image with the colours that its profile means, in sRGB; as it is for options that leave colours alone, without a
  /// profile, and with one that is damaged or not of RGB.
  ///
  /// - Throws: ``ImageError`` (`.unsupported`) when a profile needs Little CMS and it is not installed.
  func converted(_ options: DecodingOptions, from profile: () throws -> ColourProfile?) throws -> Image {
    guard options.convertsColours, let profile = try profile(),
      let transform = try ColourTransform.find(for: profile).pointer
    else { return self }
    var converted = rgb
    converted.withUnsafeMutableBufferPointer {
      adbvec_lcms_convert(transform, $0.baseAddress, UInt32($0.count / 3))
    }
    return Image(trustedWidth: width, height: height, rgb: converted, source: source)
  }
}

/// The way from a profile's colours to sRGB.
///
/// `@unchecked Sendable`: the transform is not written after it was made, and Little CMS lets threads share one.
private final class ColourTransform: @unchecked Sendable {
  /// nil where colours stay as they are.
  let pointer: OpaquePointer?

  private init(_ profile: ColourProfile) {
    let made =
      switch profile {
      case .icc(let bytes): bytes.withUnsafeBytes { adbvec_lcms_open($0.baseAddress, $0.count) }
      case .displayP3: adbvec_lcms_display_p3()
      }
    guard let made else {
      pointer = nil
      return
    }
    if Self.changesLittle(made) {
      adbvec_lcms_close(made)
      pointer = nil
    } else {
      pointer = made
    }
  }

  deinit { adbvec_lcms_close(pointer) }

  /// A camera or a telephone writes the same profile into all of its images; the newest last.
  private static let known = StateLock<[(profile: ColourProfile, transform: ColourTransform)]>([])
  private static let mostKnown = 16

  static func find(for profile: ColourProfile) throws -> ColourTransform {
    if let problem = adbvec_lcms_problem() {
      throw ImageError(.unsupported, "\(String(cString: problem)); or give --no-icc")
    }
    return known.withLock { known in
      if let found = known.first(where: { $0.profile == profile }) { return found.transform }
      let made = ColourTransform(profile)
      if known.count == mostKnown { known.removeFirst() }
      known.append((profile, made))
      return made
    }
  }

  /// Whether the profile is sRGB's, of which there are many: no colour of a lattice moves by more than 2 of 255.
  private static func changesLittle(_ transform: OpaquePointer) -> Bool {
    let levels: [UInt8] = [0, 51, 102, 153, 204, 255]
    let lattice = levels.flatMap { red in levels.flatMap { green in levels.flatMap { [red, green, $0] } } }
    var converted = lattice
    converted.withUnsafeMutableBufferPointer { adbvec_lcms_convert(transform, $0.baseAddress, 216) }
    return zip(lattice, converted).allSatisfy { abs(Int($0) - Int($1)) <= 2 }
  }
}

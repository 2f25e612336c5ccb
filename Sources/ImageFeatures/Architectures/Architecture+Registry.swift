extension Architecture {
  /// All architectures, smallest families first.
  public static let all: [Architecture] = [
    squeezeNet1_0, squeezeNet1_1,
    mobileNetV2,
    efficientNetLite0, efficientNetLite1, efficientNetLite2,
    resNet18, resNet34, resNet50, resNet101,
    vgg11, vgg11BN, vgg16, vgg16BN,
    deiTTiny, deiTSmall,
    viTB16, viTB32,
  ]

  /// The architecture with a name.
  ///
  /// - Throws: `NetworkError` with code `unknownArchitecture`, naming all that there are.
  public static func named(_ name: String) throws -> Architecture {
    guard let found = all.first(where: { $0.name == name }) else {
      let names = all.map(\.name).joined(separator: ", ")
      throw NetworkError(
        .unknownArchitecture,
        "there is no architecture \"\(name)\"; choose one of \(names)"
      )
    }
    return found
  }
}

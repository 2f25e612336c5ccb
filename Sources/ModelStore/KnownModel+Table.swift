internal import ImageFeatures

extension KnownModel {
  /// Every checkpoint that is known, smallest families first; all trained on ImageNet-1k.
  public static let all: [KnownModel] =
    [
      KnownModel(
        name: "efficientnet_lite0",
        architecture: .efficientNetLite0,
        source: .bootstrap,
        file: "efficientnet-lite0-57934424.pth",
        sha256: "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        licence: "Apache-2.0"
      )
    ] + torchvision + deit

  private static let torchvision =
    [
      (Architecture.squeezeNet1_0, "b66bff10"), (.squeezeNet1_1, "b8a52dc0"), (.mobileNetV2, "b0353104"),
      (.resNet18, "f37072fd"), (.resNet34, "b627a593"), (.resNet50, "0676ba61"), (.resNet101, "63fe2227"),
      (.vgg11, "8a719046"), (.vgg11BN, "6002323d"), (.vgg16, "397923af"), (.vgg16BN, "6c64b313"),
      (.viTB16, "c867db91"), (.viTB32, "d86f8d99"),
    ].map { architecture, digits in
      published(
        architecture,
        "https://download.pytorch.org/models/",
        "\(architecture.name)-\(digits).pth",
        digits,
        licence: "BSD-3-Clause"
      )
    }

  private static let deit = [(Architecture.deiTTiny, "a1311bcf"), (.deiTSmall, "cd65a155")].map {
    architecture,
    digits in
    published(
      architecture,
      "https://dl.fbaipublicfiles.com/deit/",
      "\(architecture.name)-\(digits).pth",
      digits,
      licence: "Apache-2.0"
    )
  }

  private static func published(
    _ architecture: Architecture,
    _ folder: String,
    _ file: String,
    _ digits: String,
    licence: String
  ) -> KnownModel {
    KnownModel(
      name: architecture.name,
      architecture: architecture,
      source: .address(folder + file),
      file: file,
      sha256: digits,
      licence: licence
    )
  }

  /// The checkpoint with a name.
  ///
  /// - Throws: `ModelStoreError` with code `unknown`, naming all that there are.
  public static func named(_ name: String) throws -> KnownModel {
    guard let found = all.first(where: { $0.name == name }) else {
      throw ModelStoreError(
        .unknown,
        "there is no known checkpoint \"\(name)\"; choose one of \(all.map(\.name).joined(separator: ", "))"
      )
    }
    return found
  }
}

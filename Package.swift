// swift-tools-version: 6.2
import PackageDescription

let settings: [SwiftSetting] = [
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
]

let package = Package(
  name: "adbvec",
  products: [
    .library(name: "VectorSQL", targets: ["VectorSQL"])
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/swiftlang/swift-subprocess", from: "1.0.2", traits: []),
    .package(url: "https://github.com/apple/swift-system", from: "1.8.1"),
    .package(url: "https://github.com/apple/swift-configuration", from: "1.4.0", traits: ["YAML"]),
    .package(url: "https://github.com/onevcat/Rainbow", from: "4.2.2"),
  ],
  targets: [
    .executableTarget(
      name: "adbvec",
      dependencies: [
        "ImageCollections", "ImageFeatures", "ImageSearch", "LocalPostgres", "PictureGrid", "PostgresClient",
        "VectorSQL",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "Configuration", package: "swift-configuration"),
        .product(name: "Rainbow", package: "Rainbow"),
        .product(name: "SystemPackage", package: "swift-system"),
      ],
      swiftSettings: settings
    ),
    .systemLibrary(name: "CLibpq", pkgConfig: "libpq", providers: [.apt(["libpq-dev"])]),
    .systemLibrary(name: "COpenBLAS", providers: [.apt(["libopenblas-dev"])]),
    .systemLibrary(name: "CGD", providers: [.apt(["libgd-dev"])]),
    .systemLibrary(name: "CTurboJPEG", providers: [.apt(["libturbojpeg0-dev"])]),
    .systemLibrary(name: "CWebP", providers: [.apt(["libwebp-dev"])]),
    .systemLibrary(name: "CZlib", providers: [.apt(["zlib1g-dev"])]),
    .target(name: "CFeatureKernels"),
    .target(name: "VectorSQL", swiftSettings: settings),
    .target(
      name: "LocalPostgres",
      dependencies: [
        "PostgresClient", "VectorSQL", .product(name: "Subprocess", package: "swift-subprocess"),
        .product(name: "SystemPackage", package: "swift-system"),
      ],
      swiftSettings: settings
    ),
    .target(name: "TableCatalog", dependencies: ["PostgresClient", "VectorSQL"], swiftSettings: settings),
    .target(
      name: "ImageSearch",
      dependencies: ["PostgresClient", "TableCatalog", "VectorSQL"],
      swiftSettings: settings
    ),
    .target(
      name: "ImageFeatures",
      dependencies: ["CFeatureKernels", "CGD", "COpenBLAS", "CTurboJPEG", "CWebP", "CZlib"],
      swiftSettings: settings
    ),
    .target(name: "PictureGrid", dependencies: ["CGD", "ImageFeatures"], swiftSettings: settings),
    .target(name: "ImageCollections", dependencies: ["ImageFeatures"], swiftSettings: settings),
    .target(name: "PostgresClient", dependencies: ["CLibpq", "VectorSQL"], swiftSettings: settings),
    .target(
      name: "TestSupport",
      dependencies: [
        "LocalPostgres", "PostgresClient", "VectorSQL",
        .product(name: "Subprocess", package: "swift-subprocess"),
        .product(name: "SystemPackage", package: "swift-system"),
      ],
      path: "Tests/TestSupport",
      swiftSettings: settings
    ),
    .testTarget(name: "VectorSQLTests", dependencies: ["VectorSQL"], swiftSettings: settings),
    .testTarget(name: "ImageFeaturesTests", dependencies: ["CFeatureKernels", "ImageFeatures"], swiftSettings: settings),
    .testTarget(name: "PictureGridTests", dependencies: ["ImageFeatures", "PictureGrid"], swiftSettings: settings),
    .testTarget(name: "LocalPostgresTests", dependencies: ["LocalPostgres"], swiftSettings: settings),
    .testTarget(name: "CommandTests", dependencies: ["TestSupport", "adbvec"], swiftSettings: settings),
  ],
  swiftLanguageModes: [.v6]
)

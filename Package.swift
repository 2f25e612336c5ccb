// swift-tools-version: 6.1
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
  targets: [
    .systemLibrary(name: "CLibpq", pkgConfig: "libpq", providers: [.apt(["libpq-dev"])]),
    .systemLibrary(name: "COpenBLAS", providers: [.apt(["libopenblas-dev"])]),
    .systemLibrary(name: "CGD", pkgConfig: "gdlib", providers: [.apt(["libgd-dev"])]),
    .target(name: "VectorSQL", swiftSettings: settings),
    .target(name: "PostgresClient", dependencies: ["CLibpq", "VectorSQL"], swiftSettings: settings),
  ],
  swiftLanguageModes: [.v6]
)

// swift-tools-version: 6.1
import PackageDescription

let package = Package(
  name: "features-benchmark",
  platforms: [.macOS(.v15)],
  dependencies: [.package(name: "adbvec", path: "../..")],
  targets: [
    .executableTarget(
      name: "FeaturesBenchmark",
      dependencies: [.product(name: "ImageFeatures", package: "adbvec")]
    ),
    .executableTarget(
      name: "RetrievalTable",
      dependencies: [.product(name: "ImageFeatures", package: "adbvec")]
    ),
  ],
  swiftLanguageModes: [.v6]
)

// swift-tools-version: 6.1
import PackageDescription

let package = Package(
  name: "features-benchmark",
  platforms: [.macOS(.v15)],
  dependencies: [.package(name: "adbvec", path: "../..")],
  targets: [
    .executableTarget(
      name: "FeaturesBenchmark",
      dependencies: [.product(name: "Inference", package: "adbvec")]
    ),
    .executableTarget(
      name: "RetrievalTable",
      dependencies: [.product(name: "Inference", package: "adbvec")]
    ),
  ],
  swiftLanguageModes: [.v6]
)

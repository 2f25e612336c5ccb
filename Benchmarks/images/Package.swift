// swift-tools-version: 6.1
import PackageDescription

let package = Package(
  name: "images-benchmark",
  platforms: [.macOS(.v15)],
  dependencies: [.package(name: "adbvec", path: "../..")],
  targets: [
    .executableTarget(
      name: "ImagesBenchmark",
      dependencies: [.product(name: "Inference", package: "adbvec")]
    )
  ],
  swiftLanguageModes: [.v6]
)

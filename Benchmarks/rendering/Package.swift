// swift-tools-version: 6.1
import PackageDescription

let package = Package(
  name: "rendering",
  dependencies: [.package(name: "adbvec", path: "../..")],
  targets: [
    .executableTarget(name: "rendering", dependencies: [.product(name: "VectorSQL", package: "adbvec")])
  ],
  swiftLanguageModes: [.v6]
)

// swift-tools-version: 6.2
import PackageDescription

let settings: [SwiftSetting] = [
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
]

// scripts/demo leaves out the page's server and the sandbox, and with them SwiftNIO: most of what a build takes.
let withoutServers = Context.environment["ADBVEC_WITHOUT_SERVERS"] != nil
let servers: [Target.Dependency] = [
  "Sandbox", "SearchServer",
  .product(name: "Logging", package: "swift-log"),
  .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
]

let package = Package(
  name: "adbvec",
  products: [
    .executable(name: "adbvec", targets: ["adbvec"]),
    .executable(name: "adbvec-migrate", targets: ["adbvec-migrate"]),
    .library(name: "VectorSQL", targets: ["VectorSQL"]),
    .library(name: "Migrations", targets: ["Migrations"]),
    .library(name: "PostgresClient", targets: ["PostgresClient"]),
    .library(name: "Inference", targets: ["Inference", "MetricLearning", "Checkpoints", "ImageCodecs"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
    .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
    .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
    .package(url: "https://github.com/apple/swift-nio-extras", from: "1.35.2"),
    .package(url: "https://github.com/apple/swift-system", from: "1.8.1"),
    // Without its traits it needs neither swift-configuration nor the whole of Foundation with ICU.
    .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1", traits: []),
    .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    .package(url: "https://github.com/swiftlang/swift-subprocess", from: "1.0.2", traits: []),
  ],
  targets: [
    // The commands, and what they stand on: every target uses only those below it.
    .executableTarget(
      name: "adbvec",
      dependencies: [
        "Basics", "Checkpoints", "CommandSupport", "Doctor", "ImageCodecs", "ImageGrid", "ImageSearch",
        "ImageSources",
        "Inference", "Ingestion", "LocalPostgres", "MetricLearning", "MigrateCommands", "Migrations",
        "ModelChange", "PostgresClient", "VectorSQL",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "SystemPackage", package: "swift-system"),
      ] + (withoutServers ? [] : servers),
      exclude: withoutServers ? ["Serve", "Servers/SandboxCommand.swift"] : [],
      swiftSettings: settings + (withoutServers ? [.define("WITHOUT_SERVERS")] : [])
    ),
    .executableTarget(
      name: "adbvec-migrate",
      dependencies: [
        "CommandSupport", "MigrateCommands",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      swiftSettings: settings
    ),
    .target(
      name: "MigrateCommands",
      dependencies: [
        "Basics", "CMigrations", "CommandSupport", "LocalPostgres", "Migrations", "PostgresClient",
        "VectorSQL",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      swiftSettings: settings
    ),
    .target(
      name: "CommandSupport",
      dependencies: [
        "Basics", "LocalPostgres", "Migrations", "PostgresClient", "VectorSQL",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      swiftSettings: settings
    ),
    .target(
      name: "SearchServer",
      dependencies: [
        "Basics", "CTemplates", "ImageCodecs", "ImageSearch", "ImageSources", "Inference", "PostgresClient",
        "VectorSQL",
        .product(name: "Hummingbird", package: "hummingbird"),
        .product(name: "HummingbirdCore", package: "hummingbird"),
        .product(name: "CoreMetrics", package: "swift-metrics"),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOHTTP1", package: "swift-nio"),
        .product(name: "NIOHTTPTypes", package: "swift-nio-extras"),
        .product(name: "HTTPTypes", package: "swift-http-types"),
        .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
        .product(name: "Subprocess", package: "swift-subprocess"),
      ],
      swiftSettings: settings
    ),
    .target(
      name: "Ingestion",
      dependencies: [
        "Basics", "ImageCodecs", "ImageSearch", "ImageSources", "Inference", "MetricLearning",
        "PostgresClient",
        "VectorSQL",
      ],
      swiftSettings: settings
    ),
    .target(
      name: "ModelChange",
      dependencies: [
        "Basics", "ImageCodecs", "ImageGrid", "ImageSearch", "ImageSources", "Inference", "Ingestion",
        "MetricLearning", "Migrations", "PostgresClient", "Tuning", "VectorSQL",
      ],
      swiftSettings: settings
    ),
    .target(
      name: "Doctor",
      dependencies: ["Basics", "ImageSearch", "PostgresClient", "SQLLexer", "Tuning", "VectorSQL"],
      swiftSettings: settings
    ),
    .target(
      name: "Tuning",
      dependencies: ["Basics", "ImageSearch", "PostgresClient", "VectorSQL"],
      swiftSettings: settings
    ),
    .target(
      name: "ImageSearch",
      dependencies: ["Basics", "PostgresClient", "VectorSQL"],
      swiftSettings: settings
    ),
    .target(
      name: "Migrations",
      dependencies: [
        "Basics", "PostgresClient", "SQLLexer", "VectorSQL",
      ],
      swiftSettings: settings
    ),
    .target(
      name: "Sandbox",
      dependencies: [
        "Basics", "SQLLexer",
        .product(name: "Logging", package: "swift-log"),
        .product(name: "NIOConcurrencyHelpers", package: "swift-nio"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
      ],
      swiftSettings: settings
    ),
    .target(
      name: "LocalPostgres",
      dependencies: [
        "Basics", "PostgresClient", "VectorSQL", "Wheels",
        .product(name: "Subprocess", package: "swift-subprocess"),
        .product(name: "SystemPackage", package: "swift-system"),
      ],
      swiftSettings: settings
    ),
    .target(
      name: "PostgresClient",
      dependencies: ["Basics", "CLibpq", "VectorSQL"],
      swiftSettings: settings
    ),
    .target(name: "ImageGrid", dependencies: ["Basics", "CGD", "ImageCodecs"], swiftSettings: settings),
    .target(
      name: "ImageSources",
      dependencies: ["Basics", "CHDF5", "CZstandard", "Checkpoints", "ImageCodecs"],
      swiftSettings: settings
    ),
    .target(
      name: "Inference",
      dependencies: [
        "Basics", "CFeatureKernels", "Checkpoints", "COpenBLAS", "ImageCodecs", "MetricLearning",
      ],
      swiftSettings: settings
    ),
    .target(
      name: "MetricLearning",
      dependencies: ["Basics", "Checkpoints", "COpenBLAS"],
      swiftSettings: settings
    ),
    .target(
      name: "Checkpoints",
      dependencies: [
        "Basics", "Wheels",
        .product(name: "Subprocess", package: "swift-subprocess"),
        .product(name: "SystemPackage", package: "swift-system"),
      ],
      swiftSettings: settings
    ),
    .target(
      name: "Wheels",
      dependencies: [
        "Basics",
        .product(name: "Subprocess", package: "swift-subprocess"),
      ],
      swiftSettings: settings
    ),
    .target(
      name: "ImageCodecs",
      dependencies: [
        "Basics", "CFeatureKernels", "CHEIF", "CJPEG", "CJXL", "CLCMS", "CPNG", "CTIFF", "CWebP", "CZlib",
      ],
      swiftSettings: settings
    ),
    .target(name: "Basics", dependencies: ["CSHA256", "CYAML", "CZlib"], swiftSettings: settings),
    .target(name: "VectorSQL", dependencies: ["Basics"], swiftSettings: settings),
    .target(name: "SQLLexer", swiftSettings: settings),
    .target(name: "CFeatureKernels"),
    // The files of `migrations/` and `templates/`, inside the programs.
    .target(name: "CMigrations"),
    .target(name: "CTemplates"),
    .target(name: "CSHA256"),

    // Libraries that are opened when they are first called, so that a command without images starts without them.
    .target(name: "CLazyLibrary"),
    .target(name: "CGD", dependencies: ["CLazyLibrary"]),
    .target(name: "CHDF5", dependencies: ["CLazyLibrary"]),
    .target(name: "CHEIF", dependencies: ["CLazyLibrary"]),
    .target(name: "CJPEG", dependencies: ["CLazyLibrary"]),
    .target(name: "CJXL", dependencies: ["CLazyLibrary"]),
    .target(name: "CLCMS", dependencies: ["CLazyLibrary"]),
    .target(name: "CLibpq", dependencies: ["CLazyLibrary"]),
    .target(name: "COpenBLAS", dependencies: ["CLazyLibrary"]),
    .target(name: "CPNG", dependencies: ["CLazyLibrary"]),
    .target(name: "CTIFF", dependencies: ["CLazyLibrary"]),
    .target(name: "CWebP", dependencies: ["CLazyLibrary"]),
    .target(name: "CYAML", dependencies: ["CLazyLibrary"]),
    .target(name: "CZstandard", dependencies: ["CLazyLibrary"]),

    .systemLibrary(name: "CZlib", providers: [.apt(["zlib1g-dev"])]),

    // Tests: pure ones by target, then those that need a server, then the command as people use it.
    .target(
      name: "TestSupport",
      dependencies: [
        "Basics", "LocalPostgres", "PostgresClient", "VectorSQL",
        .product(name: "Subprocess", package: "swift-subprocess"),
        .product(name: "SystemPackage", package: "swift-system"),
      ],
      path: "Tests/TestSupport",
      swiftSettings: settings
    ),
    .target(
      name: "VectorSQLExamples",
      dependencies: ["VectorSQL"],
      path: "Tests/VectorSQLExamples",
      swiftSettings: settings
    ),
    .testTarget(
      name: "VectorSQLTests",
      dependencies: ["TestSupport", "VectorSQL", "VectorSQLExamples"],
      swiftSettings: settings
    ),
    .testTarget(
      name: "MigrationsTests",
      dependencies: ["Basics", "Migrations", "SQLLexer", "TestSupport"],
      swiftSettings: settings
    ),
    .testTarget(
      name: "BasicsTests",
      dependencies: ["Basics", "CSHA256", "TestSupport"],
      swiftSettings: settings
    ),
    .testTarget(name: "SQLLexerTests", dependencies: ["Basics", "SQLLexer"], swiftSettings: settings),
    .testTarget(
      name: "SandboxTests",
      dependencies: [
        "Basics", "SQLLexer", "Sandbox",
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOEmbedded", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
      ],
      swiftSettings: settings
    ),
    .testTarget(
      name: "SearchServerTests",
      dependencies: [
        "Basics", "ImageSearch", "SearchServer", "TestSupport",
        .product(name: "CoreMetrics", package: "swift-metrics"),
        .product(name: "HTTPTypes", package: "swift-http-types"),
        .product(name: "Hummingbird", package: "hummingbird"),
        .product(name: "HummingbirdTesting", package: "hummingbird"),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "NIOCore", package: "swift-nio"),
      ],
      swiftSettings: settings
    ),
    .testTarget(
      name: "IngestionTests",
      dependencies: [
        "Basics", "ImageCodecs", "ImageSearch", "ImageSources", "Inference", "Ingestion", "MetricLearning",
        "PostgresClient", "TestSupport", "VectorSQL",
      ],
      swiftSettings: settings
    ),
    .testTarget(
      name: "ImageSourcesTests",
      dependencies: ["Basics", "ImageCodecs", "ImageSources", "TestSupport"],
      swiftSettings: settings
    ),
    .testTarget(
      name: "ImageCodecsTests",
      dependencies: ["CJPEG", "ImageCodecs", "TestSupport"],
      swiftSettings: settings
    ),
    .testTarget(
      name: "CheckpointsTests",
      dependencies: ["Basics", "Checkpoints", "TestSupport"],
      swiftSettings: settings
    ),
    .testTarget(
      name: "InferenceTests",
      dependencies: [
        "Basics", "CFeatureKernels", "Checkpoints", "ImageCodecs", "Inference", "MetricLearning",
        "TestSupport",
      ],
      swiftSettings: settings
    ),
    .testTarget(
      name: "MetricLearningTests",
      dependencies: ["Basics", "Checkpoints", "MetricLearning", "TestSupport"],
      swiftSettings: settings
    ),
    .testTarget(
      name: "ImageGridTests",
      dependencies: ["CGD", "ImageCodecs", "ImageGrid"],
      swiftSettings: settings
    ),
    .testTarget(
      name: "DoctorTests",
      dependencies: ["Doctor", "ImageSearch", "PostgresClient", "Tuning", "VectorSQL"],
      swiftSettings: settings
    ),
    .testTarget(
      name: "ModelChangeTests",
      dependencies: ["ImageSearch", "ModelChange", "PostgresClient", "VectorSQL"],
      swiftSettings: settings
    ),
    .testTarget(
      name: "LocalPostgresTests",
      dependencies: ["Basics", "LocalPostgres", "TestSupport", "Wheels"],
      swiftSettings: settings
    ),
    .testTarget(
      name: "ServerTests",
      dependencies: [
        "Basics", "Doctor", "ImageCodecs", "ImageSearch", "ImageSources", "Inference", "Ingestion",
        "LocalPostgres", "Migrations", "PostgresClient", "SQLLexer", "Sandbox", "SearchServer", "TestSupport",
        "Tuning",
        "VectorSQL",
        "VectorSQLExamples",
      ],
      swiftSettings: settings
    ),
    .executableTarget(
      name: "MigrateAtStart",
      dependencies: ["Migrations", "PostgresClient"],
      path: "Examples/MigrateAtStart",
      swiftSettings: settings
    ),
    .executableTarget(
      name: "PageFixture",
      dependencies: [
        "Basics",
        "ImageCodecs", "ImageSearch", "SearchServer",
        .product(name: "Logging", package: "swift-log"),
        .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
        .product(name: "UnixSignals", package: "swift-service-lifecycle"),
      ],
      path: "Tests/Browser/Fixture",
      swiftSettings: settings
    ),
    .testTarget(
      name: "CommandTests",
      dependencies: [
        "ImageCodecs", "ImageSources", "Inference", "LocalPostgres", "MetricLearning", "PostgresClient",
        "TestSupport", "VectorSQL",
        "adbvec", "adbvec-migrate",
      ],
      exclude: ["Help"],
      swiftSettings: settings
    ),
  ],
  swiftLanguageModes: [.v6]
)

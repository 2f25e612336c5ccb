import Foundation
import Logging
import SearchServer
import ServiceLifecycle
import UnixSignals

/// The page over a folder of images, searched in memory: `page-fixture FOLDER`.
///
/// Settings come from the environment: `PORT`, `TOKEN`, `CONNECTIONS` (the most open ones), `UPLOAD_BYTES`, `IDLE`
/// (seconds), `COLLECTION` (its name), `TEMPLATES` and `CACHE` (folders), `PROXY` (trusted when it is set), `ADDRESSES` (of images,
/// taken when it is set) and `LOST`, a file whose presence means that the database is lost.
@main
struct Fixture {
  static func main() async throws {
    let environment = ProcessInfo.processInfo.environment
    func number(_ name: String) -> Int? { environment[name].flatMap { Int($0) } }
    let folder = CommandLine.arguments.dropFirst().first ?? "."
    let collection = try MemoryCollection(folder: folder, lost: environment["LOST"])
    var configuration = ServerConfiguration()
    configuration.collection = environment["COLLECTION"] ?? "drawn images"
    configuration.port = number("PORT") ?? 0
    configuration.token = environment["TOKEN"]
    configuration.templates = environment["TEMPLATES"]
    configuration.cacheFolder = environment["CACHE"]
    configuration.trustsProxy = environment["PROXY"] != nil
    configuration.fetchesAddresses = environment["ADDRESSES"] != nil
    configuration.limits.maximumPixels = 4_000_000
    configuration.limits.maximumUploadBytes = number("UPLOAD_BYTES") ?? 4 << 20
    configuration.limits.maximumConnections = number("CONNECTIONS") ?? configuration.limits.maximumConnections
    configuration.limits.fitToOpenFiles()
    configuration.limits.idleTime = .seconds(number("IDLE") ?? 10)
    configuration.limits.uploadTime = .seconds(number("IDLE") ?? 10)
    var logger = Logger(label: "fixture", factory: { StreamLogHandler.standardError(label: $0) })
    logger.logLevel = .error
    let page = try SearchPage(
      configuration: configuration,
      collection: SearchedCollection(
        backend: collection,
        images: PixelFeatures(),
        store: ImageFolder(folder)
      ),
      logger: logger,
      onRunning: { address in
        print(address)
        fflush(nil)
      }
    )
    let group = ServiceGroup(
      configuration: .init(services: [page], gracefulShutdownSignals: [.sigterm, .sigint], logger: logger)
    )
    try await group.run()
  }
}

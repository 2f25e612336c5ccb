import Foundation
import TestSupport

#if canImport(FoundationNetworking)
  import FoundationNetworking
#endif

/// A running `adbvec serve`, asked over HTTP.
final class ServedPage: Sendable {
  struct Answer {
    let status: Int
    let text: String
    let retryAfter: String?

    func decoded<Value: Decodable>(_ type: Value.Type) throws -> Value {
      try JSONDecoder().decode(type, from: Data(text.utf8))
    }
  }

  struct NotServing: Error, CustomStringConvertible {
    let description: String
  }

  let address: String
  private let process: Process
  private let errors: String

  /// Starts the page on a free port, runs a body with it, and ends it.
  static func with<Value>(
    _ arguments: [String],
    environment: [String: String],
    _ body: (ServedPage) async throws -> Value
  ) async throws -> Value {
    try await withTemporaryFolder { folder in
      let page = try await ServedPage(arguments, environment, folder)
      defer { page.process.terminate() }
      return try await body(page)
    }
  }

  private init(_ arguments: [String], _ environment: [String: String], _ folder: String) async throws {
    process = Process()
    process.executableURL = URL(fileURLWithPath: Program.adbvec)
    process.arguments = ["serve", "--port", "0"] + arguments
    process.environment = ["PATH": "/usr/bin:/bin", "ADBVEC_HOME": "/nonexistent"].merging(environment) { $1 }
    let files = [folder + "/output", folder + "/error"]
    errors = files[1]
    for path in files { try Data().write(to: URL(fileURLWithPath: path)) }
    process.standardOutput = FileHandle(forWritingAtPath: files[0])
    process.standardError = FileHandle(forWritingAtPath: files[1])
    try process.run()
    for _ in 0..<1_500 {
      let output = try String(contentsOfFile: files[0], encoding: .utf8)
      if output.hasPrefix("serving "), output.hasSuffix("/\n") {
        address = String(output.dropFirst(8).dropLast(2))
        return
      }
      guard process.isRunning else { break }
      try await Task.sleep(for: .milliseconds(20))
    }
    process.terminate()
    throw NotServing(description: (try? String(contentsOfFile: files[1], encoding: .utf8)) ?? "silence")
  }

  /// What the server has said on standard error.
  var said: String {
    get throws { try String(contentsOfFile: errors, encoding: .utf8) }
  }

  /// The most memory that the process has held: `VmHWM`.
  var peakMemoryMiB: Int {
    get throws {
      let status = try String(contentsOfFile: "/proc/\(process.processIdentifier)/status", encoding: .utf8)
      let line = status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") } ?? ""
      return (Int(line.filter(\.isNumber)) ?? .max) / 1024
    }
  }

  /// Asks, over a connection of its own.
  /// - Parameter image: is posted.
  func ask(_ path: String, image: Data? = nil) async throws -> Answer {
    guard let url = URL(string: address + path) else { throw NotServing(description: path) }
    var request = URLRequest(url: url, timeoutInterval: 60)
    if let image {
      request.httpMethod = "POST"
      request.httpBody = image
      request.setValue("image/png", forHTTPHeaderField: "Content-Type")
    }
    let session = URLSession(configuration: .ephemeral)
    defer { session.finishTasksAndInvalidate() }
    let (data, response) = try await session.data(for: request)
    guard let response = response as? HTTPURLResponse else { throw NotServing(description: path) }
    return Answer(
      status: response.statusCode,
      text: String(decoding: data, as: UTF8.self),
      retryAfter: response.value(forHTTPHeaderField: "Retry-After")
    )
  }

  /// Asks again and again until the status is the one that is waited for.
  func waitFor(_ status: Int, of path: String) async throws {
    for _ in 0..<600 {
      if try await ask(path).status == status { return }
      try await Task.sleep(for: .milliseconds(50))
    }
    throw NotServing(description: "\(path) never answered \(status)")
  }

  var isRunning: Bool { process.isRunning }

  /// Asks the process to end, as Ctrl-C and a service manager do.
  func terminate() { process.terminate() }

  /// Waits until the process has ended; gives its exit code.
  func end() async throws -> Int32 {
    for _ in 0..<1_500 where process.isRunning { try await Task.sleep(for: .milliseconds(20)) }
    guard !process.isRunning else { throw NotServing(description: "the page did not end") }
    return process.terminationStatus
  }
}

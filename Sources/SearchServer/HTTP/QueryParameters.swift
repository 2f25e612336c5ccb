internal import Basics
internal import FoundationEssentials
internal import HTTPTypes
internal import Hummingbird
internal import HummingbirdCore
internal import ImageSearch
internal import NIOCore

/// The parameters of a link or form, read strictly: a name that is not known, or given twice where once is meant, is an error.
struct QueryParameters {
  private let values: [String: [String]]

  /// The parameters behind `?`.
  init(_ uri: URI, allowed: Set<String>, repeated: Set<String> = []) throws {
    try self.init(encoded: uri.query ?? "", allowed: allowed, repeated: repeated)
  }

  init(encoded: String, allowed: Set<String>, repeated: Set<String> = []) throws {
    let pairs = try encoded.split(separator: "&").map { pair in
      let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      return (try Self.decoded(parts[0]), parts.count == 2 ? try Self.decoded(parts[1]) : "")
    }
    try self.init(pairs, allowed: allowed, repeated: repeated)
  }

  init(_ pairs: [(String, String)], allowed: Set<String>, repeated: Set<String> = []) throws {
    var values: [String: [String]] = [:]
    for (name, value) in pairs {
      guard allowed.contains(name) else {
        throw HTTPError.invalid(
          "no parameter has that name; there are \(allowed.sorted().joined(separator: ", "))"
        )
      }
      guard values[name] == nil || repeated.contains(name) else {
        throw HTTPError.invalid("\(name) is given twice")
      }
      values[name, default: []].append(value)
    }
    self.values = values
  }

  private static func decoded(_ text: Substring) throws -> String {
    guard let decoded = percentDecoded(text.replacing("+", with: " ")), !decoded.utf8.contains(0)
    else {
      throw HTTPError.invalid("the link's percent-encoding is not UTF-8 text")
    }
    return decoded
  }

  /// The text that `%41` and its like stand for; nil for an incomplete escape, or bytes that are not UTF-8.
  static func percentDecoded(_ text: some StringProtocol) -> String? {
    var bytes: [UInt8] = []
    var rest = text.utf8[...]
    while let byte = rest.popFirst() {
      guard byte == UInt8(ascii: "%") else {
        bytes.append(byte)
        continue
      }
      guard let high = rest.popFirst().flatMap(hexadecimalDigit),
        let low = rest.popFirst().flatMap(hexadecimalDigit)
      else { return nil }
      bytes.append(high << 4 | low)
    }
    return String(validating: bytes, as: UTF8.self)
  }

  private static func hexadecimalDigit(_ byte: UInt8) -> UInt8? {
    Character(Unicode.Scalar(byte)).hexDigitValue.map(UInt8.init)
  }

  /// A text; nil when it is missing or empty, as browsers send fields that were left alone.
  func text(_ name: String) -> String? {
    values[name]?.first.flatMap { $0.isEmpty ? nil : $0 }
  }

  /// An integer within bounds.
  func integer(_ name: String, in range: ClosedRange<Int64>) throws -> Int64? {
    guard let text = text(name) else { return nil }
    guard Self.isInteger(text), let number = Int64(text), range.contains(number) else {
      throw HTTPError.invalid("\(name) must be a whole number, \(range.lowerBound)…\(range.upperBound)")
    }
    return number
  }

  /// A finite number.
  func number(_ name: String) throws -> Double? {
    guard let text = text(name) else { return nil }
    guard let number = Double(text), number.isFinite else {
      throw HTTPError.invalid("\(name) must be a number")
    }
    return number
  }

  /// The id of a row.
  func imageID(_ name: String) throws -> ImageID? {
    try text(name).map { try Self.imageID($0, name) }
  }

  /// The ids of rows, in the order in which they were given; none for a single empty one, as browsers send fields that
  /// were left alone.
  func imageIDs(_ name: String) throws -> [ImageID] {
    guard let texts = values[name], texts != [""] || name == "not" else { return [] }
    return try texts.map { try Self.imageID($0, name) }
  }

  /// The id that a text stands for.
  static func imageID(_ text: String, _ name: String = "id") throws -> ImageID {
    guard !text.isEmpty, text.unicodeScalars.count <= 256, !text.utf8.contains(0) else {
      throw HTTPError.invalid("\(name) must have 1…256 characters, and no zero among them")
    }
    return ImageID(text)
  }

  private static func isInteger(_ text: String) -> Bool {
    let digits = text.hasPrefix("-") ? text.dropFirst() : text[...]
    return !digits.isEmpty && digits.utf8.allSatisfy { (48...57).contains($0) }
  }
}

/// The names of version 1, which said picture for image: programs written for it go on working.
enum OldNames {
  /// The form's field with the image.
  static let imageField = "picture"

  /// The earlier name of an address; nil where it has not changed.
  static func path(of path: String) -> String? {
    guard path.hasPrefix("/api/") else { return nil }
    let old = path.replacing("/images", with: "/pictures").replacing("/image", with: "/picture")
    return old == path ? nil : old
  }
}

/// What answers a request.
typealias RouteHandler = @Sendable (Request, PageContext) async throws -> Response

extension HTTPRequest.Method {
  /// The methods that are understood, if only to say that an address does not answer them.
  static let known: [HTTPRequest.Method] =
    [.get, .head, .post, .put, .patch, .delete, .options, .trace]
    + [HTTPRequest.Method("QUERY")].compactMap { $0 }
}

/// What is known of a request besides itself.
struct PageContext: RequestContext, RemoteAddressRequestContext {
  var coreContext: CoreRequestContextStorage
  /// The other end of the connection: the client, or the last proxy before this server.
  let remoteAddress: SocketAddress?

  init(source: ApplicationRequestContextSource) {
    coreContext = CoreRequestContextStorage(source: source)
    remoteAddress = source.channel.remoteAddress
  }
}

extension Router where Context == PageContext {

  /// Registers the methods that an address answers, under its earlier name too; every other method gets 405 with
  /// `Allow`.
  func address(_ path: String, _ handlers: [HTTPRequest.Method: RouteHandler]) {
    for name in [path, OldNames.path(of: path)].compactMap({ $0 }) { register(RouterPath(name), handlers) }
  }

  private func register(_ path: RouterPath, _ handlers: [HTTPRequest.Method: RouteHandler]) {
    var handlers = handlers
    // The server leaves the body of an answer to HEAD out; its length stays.
    if let get = handlers[.get] { handlers[.head] = { try await get($0, $1).createHeadResponse() } }
    let allowed = handlers.keys.map(\.rawValue).sorted().joined(separator: ", ")
    for method in HTTPRequest.Method.known {
      if let handler = handlers[method] {
        on(path, method: method) { try await handler($0, $1) }
      } else {
        on(path, method: method) { _, _ -> Response in throw HTTPError.wrongMethod(allowed: allowed) }
      }
    }
  }
}

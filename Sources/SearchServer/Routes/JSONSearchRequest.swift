internal import Foundation

/// The body of a search by JSON, read strictly: a key that is not known is an error.
struct JSONSearchRequest: Decodable {
  let subject: SearchSubject
  let options: SearchOptions

  private struct Key: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }

    init(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }

    static let id = Key(stringValue: "id")
    static let vector = Key(stringValue: "vector")
    static let count = Key(stringValue: "k")
    static let label = Key(stringValue: "class")
    static let mode = Key(stringValue: "mode")
    static let efSearch = Key(stringValue: "ef")
  }

  init(from decoder: any Decoder) throws {
    let body = try decoder.container(keyedBy: Key.self)
    let known = SearchOptions.names.union(["id", "vector"])
    guard body.allKeys.allSatisfy({ known.contains($0.stringValue) }) else {
      throw Fault.invalid("the body may have \(known.sorted().joined(separator: ", ")), and nothing else")
    }
    let id = body.contains(.id) ? try body.decode(Int64.self, forKey: .id) : nil
    let vector =
      body.contains(.vector) ? try body.decode([Double].self, forKey: .vector).map { Float($0) } : nil
    switch (id, vector) {
    case (let id?, nil):
      guard id >= 0 else { throw Fault.invalid("id must not be negative") }
      subject = .id(id)
    case (nil, let vector?):
      guard vector.allSatisfy({ abs($0) <= 1e15 }) else {
        throw Fault.invalid("the vector's numbers must lie between -1e15 and 1e15")
      }
      subject = .vector(vector)
    default: throw Fault.invalid("give either id or vector")
    }
    var options = SearchOptions()
    if body.contains(.count) { options.count = try body.decode(Int.self, forKey: .count) }
    if body.contains(.label) { options.label = try body.decode(String.self, forKey: .label) }
    if body.contains(.mode) {
      options.exact = try SearchOptions.isExact(mode: try body.decode(String.self, forKey: .mode))
    }
    if body.contains(.efSearch) { options.efSearch = try body.decode(Int.self, forKey: .efSearch) }
    self.options = options
  }

  /// Reads a request and checks it against the limits.
  /// - Throws: `Fault` that names the field.
  static func read(_ bytes: [UInt8], _ limits: PageLimits) throws -> JSONSearchRequest {
    let request: JSONSearchRequest
    do {
      request = try JSONDecoder().decode(Self.self, from: Data(bytes))
    } catch let error as DecodingError {
      throw Fault.invalid(Self.message(error))
    }
    guard (1...limits.maximumCount).contains(request.options.count) else {
      throw Fault.invalid("k must be a whole number, 1…\(limits.maximumCount)")
    }
    if let efSearch = request.options.efSearch, !(1...limits.maximumEfSearch).contains(efSearch) {
      throw Fault.invalid("ef must be a whole number, 1…\(limits.maximumEfSearch)")
    }
    try request.options.checkLabel()
    return request
  }

  private static func message(_ error: DecodingError) -> String {
    switch error {
    case .typeMismatch(_, let context) where !context.codingPath.isEmpty,
      .valueNotFound(_, let context) where !context.codingPath.isEmpty,
      .dataCorrupted(let context) where !context.codingPath.isEmpty:
      "\(context.codingPath[0].stringValue) has a value of the wrong type or size"
    default: "the body is no JSON object, or holds a number that is out of range"
    }
  }
}

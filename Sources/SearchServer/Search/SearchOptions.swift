internal import Foundation

/// What a search asks for besides its subject.
struct SearchOptions: Hashable, Sendable {
  static let defaultCount = 24

  var count = SearchOptions.defaultCount
  var label: String?
  var exact = false
  var efSearch: Int?

  /// The names of these options in links, forms and JSON.
  static let names: Set<String> = ["k", "class", "mode", "ef"]

  init() {}

  /// The options of a link or form.
  /// - Throws: `Fault` for a value outside the limits.
  init(_ parameters: QueryParameters, _ limits: PageLimits) throws {
    if let count = try parameters.integer("k", in: 1...Int64(limits.maximumCount)) { self.count = Int(count) }
    label = parameters.text("class")
    exact = try Self.isExact(mode: parameters.text("mode"))
    efSearch = try parameters.integer("ef", in: 1...Int64(limits.maximumEfSearch)).map { Int($0) }
    try checkLabel()
  }

  static func isExact(mode: String?) throws -> Bool {
    switch mode {
    case nil, "index": return false
    case "exact": return true
    default: throw Fault.invalid("mode must be index or exact")
    }
  }

  func checkLabel() throws {
    guard let label else { return }
    guard label.unicodeScalars.count <= 256, !label.utf8.contains(0) else {
      throw Fault.invalid("class may have at most 256 characters, and no zero among them")
    }
  }

  /// The options as they stand in a link; what is as usual is left out.
  var linkItems: [(String, String)] {
    var items: [(String, String)] = []
    if count != Self.defaultCount { items.append(("k", String(count))) }
    if let label { items.append(("class", label)) }
    if exact { items.append(("mode", "exact")) }
    if let efSearch { items.append(("ef", String(efSearch))) }
    return items
  }
}

/// What the images of a search shall be near to.
enum SearchSubject: Hashable, Sendable {
  case id(Int64)
  case upload(key: String)
  case vector([Float])

  /// The subject in a link; nil for a vector, which is too long for one.
  var linkItem: (String, String)? {
    switch self {
    case .id(let id): ("id", String(id))
    case .upload(let key): ("upload", key)
    case .vector: nil
    }
  }

  /// The subject of a link or form: an id or a remembered upload; nil when there is neither.
  init?(_ parameters: QueryParameters) throws {
    let id = try parameters.integer("id", in: 0...Int64.max)
    switch (id, parameters.text("upload")) {
    case (nil, nil): return nil
    case (let id?, nil): self = .id(id)
    case (nil, let key?):
      guard RandomKey.isKey(key) else { throw Fault.invalid("upload is no key of an upload") }
      self = .upload(key: key)
    default: throw Fault.invalid("give id or upload, not both")
    }
  }
}

/// Links to the page itself.
enum PageLink {
  /// The link of a search, or of the start page.
  static func page(_ subject: SearchSubject?, _ options: SearchOptions) -> String {
    let items = [subject?.linkItem].compactMap { $0 } + options.linkItems
    return items.isEmpty ? "/" : "/?" + items.map { "\($0.0)=\(encoded($0.1))" }.joined(separator: "&")
  }

  private static func encoded(_ text: String) -> String {
    let kept = CharacterSet.alphanumerics.intersection(CharacterSet(charactersIn: "\u{0}"..."\u{7f}"))
      .union(CharacterSet(charactersIn: "-._~"))
    return text.addingPercentEncoding(withAllowedCharacters: kept) ?? ""
  }
}

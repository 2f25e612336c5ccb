internal import Basics
internal import CTemplates
internal import FoundationEssentials

/// The page's templates, words and assets: built in, or replaced file by file from a folder.
struct PageTemplates: Sendable {
  /// A file that is sent as it is.
  struct Asset: Sendable {
    let bytes: [UInt8]
    let type: String
  }

  static let builtIn = Dictionary(
    uniqueKeysWithValues: UnsafeBufferPointer(start: adbvec_templates(), count: adbvec_templates_count())
      .map { (String(cString: $0.name), Array(UnsafeBufferPointer(start: $0.bytes, count: $0.count))) }
  )

  /// The assets that have an address.
  static let addressed = ["page.css", "page.js", "grid.js", "upload.js", "icon.svg"]

  private static let types = [
    "css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8", "svg": "image/svg+xml",
  ]

  private var library: [String: PageTemplate] = [:]
  private var assets: [String: Asset] = [:]
  /// The languages, English first, then by their names' codes.
  private(set) var languages: [PageTexts] = []
  /// Changes whenever an asset does; part of the assets' links.
  private(set) var version = ""

  /// Reads the templates.
  ///
  /// - Parameter folder: Files in it replace the built-in ones of the same name, and `texts.LANGUAGE.json` adds a language;
  ///   nil takes the built-in ones.
  /// - Throws: ``ServerSetupError`` for a folder that is not there or a file that cannot be parsed.
  init(folder: String?) throws {
    var files = Self.builtIn
    if let folder {
      guard let names = try? FileManager.default.contentsOfDirectory(atPath: folder) else {
        throw ServerSetupError("the folder with the templates, \(folder), does not exist")
      }
      for name in names where files[name] != nil || PageTexts.language(of: name) != nil {
        files[name] = FileManager.default.contents(atPath: "\(folder)/\(name)").map { [UInt8]($0) }
      }
    }
    var hash = FNV1a()
    for (name, bytes) in files.sorted(by: { $0.key < $1.key }) {
      for byte in bytes { hash.update(UInt64(byte)) }
      let kind = String(name.split(separator: ".").last ?? "")
      if let type = Self.types[kind] {
        assets[name] = Asset(bytes: bytes, type: type)
      } else if PageTexts.language(of: name) == nil {
        try register(name, String(decoding: bytes, as: UTF8.self))
      }
    }
    version = String(hash.value, radix: 36)
    languages = try PageTexts.read(files)
    for (name, asset) in assets where name.hasSuffix(".js") {
      // A module is kept by browsers under the version of the page that uses it.
      let text = String(decoding: asset.bytes, as: UTF8.self).replacing(".js';", with: ".js?v=\(version)';")
      assets[name] = Asset(bytes: Array(text.utf8), type: asset.type)
    }
  }

  private mutating func register(_ name: String, _ text: String) throws {
    let short = name.hasSuffix(".mustache") ? String(name.dropLast(".mustache".count)) : name
    do {
      library[short] = try PageTemplate(text)
    } catch {
      throw ServerSetupError("the template \(name) cannot be parsed: \(error)")
    }
  }

  /// - Throws: ``ServerSetupError`` when there is no such template.
  func render(_ view: Any, _ name: String) throws -> String {
    guard let template = library[name] else { throw ServerSetupError("the template \(name) is missing") }
    return template.render(view, partials: library)
  }

  func asset(_ name: String) -> Asset? { assets[name] }
}

/// The page's words in one language: a file `texts.LANGUAGE.json` with an object of texts. `{name}` in a text stands for a
/// value; words that a language lacks are English.
struct PageTexts: Sendable {
  /// The language's code, as `lang` has it.
  let language: String
  /// The words by their names, for the templates.
  let words: [String: String]

  subscript(_ name: String) -> String { words[name] ?? name }

  /// A text with its values.
  func text(_ name: String, _ values: [String: String]) -> String {
    values.reduce(self[name]) { $0.replacing("{\($1.key)}", with: $1.value) }
  }

  /// The words that the scripts use, as JSON.
  var scriptWords: String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys]
    let data = try? encoder.encode(words.filter { $0.key.hasPrefix("script_") })
    return data.map { String(decoding: $0, as: UTF8.self) } ?? "{}"
  }

  /// The language of a file's name; nil for another file.
  static func language(of file: String) -> String? {
    let parts = file.split(separator: ".")
    guard parts.count == 3, parts[0] == "texts", parts[2] == "json" else { return nil }
    let isCode = parts[1].utf8.allSatisfy { (97...122).contains($0) || (65...90).contains($0) || $0 == 45 }
    return isCode ? String(parts[1]) : nil
  }

  fileprivate static func read(_ files: [String: [UInt8]]) throws -> [PageTexts] {
    var languages: [String: [String: String]] = [:]
    for (name, bytes) in files {
      guard let language = language(of: name) else { continue }
      do {
        languages[language] = try JSONDecoder().decode([String: String].self, from: Data(bytes))
      } catch {
        throw ServerSetupError("\(name) is not a JSON object whose values are all texts")
      }
    }
    let english = languages["en"] ?? [:]
    return languages.map { PageTexts(language: $0, words: english.merging($1) { $1 }) }
      .sorted { ($0.language == "en" ? 0 : 1, $0.language) < ($1.language == "en" ? 0 : 1, $1.language) }
  }
}

extension PageTemplates {
  /// The words for a reader: by the wanted language, or by what the browser prefers.
  ///
  /// - Parameters:
  ///   - wanted: A language that was chosen; one that is not here is ignored.
  ///   - accepted: The `Accept-Language` header.
  func texts(wanted: String?, accepted: String?) -> PageTexts {
    let preferred = Self.preferences(accepted ?? "")
    let found = ([wanted].compactMap { $0 } + preferred).lazy.compactMap { name in
      languages.first { $0.fits(name) }
    }
    return found.first ?? languages.first ?? PageTexts(language: "en", words: [:])
  }

  /// The languages of an `Accept-Language` header (RFC 9110, 12.5.4), most preferred first.
  static func preferences(_ header: String) -> [String] {
    let weighted = header.split(separator: ",").prefix(32).compactMap { item -> (String, Double)? in
      let parts = item.split(separator: ";").map(\.trimmed)
      guard let name = parts.first, name != "*" else { return nil }
      let weight = parts.dropFirst().first { $0.hasPrefix("q=") }.map { Double($0.dropFirst(2)) ?? 0 } ?? 1
      return weight > 0 ? (name, weight) : nil
    }
    // A stable sort keeps equal ones in the header's order.
    return weighted.enumerated().sorted { ($1.element.1, $0.offset) < ($0.element.1, $1.offset) }.map(
      \.element.0
    )
  }
}

extension PageTexts {
  /// `zh-CN` is served by `zh`, and `zh` by `zh-CN`.
  fileprivate func fits(_ name: String) -> Bool {
    func primary(_ code: String) -> Substring { code.lowercased().prefix { $0 != "-" } }
    return primary(name) == primary(language)
  }
}

internal import FoundationEssentials

/// The page's templates and assets: built in, or replaced file by file from a folder.
struct PageTemplates: Sendable {
  /// A file that is sent as it is.
  struct Asset: Sendable {
    let bytes: [UInt8]
    let type: String
  }

  private static let builtIn: [String: [UInt8]] = [
    "page.mustache": PackageResources.page_mustache,
    "panel.mustache": PackageResources.panel_mustache,
    "results.mustache": PackageResources.results_mustache,
    "cards.mustache": PackageResources.cards_mustache,
    "login.mustache": PackageResources.login_mustache,
    "openapi.json": PackageResources.openapi_json,
    "page.css": PackageResources.page_css,
    "page.js": PackageResources.page_js,
    "icon.svg": PackageResources.icon_svg,
    "placeholder.svg": PackageResources.placeholder_svg,
  ]

  private static let types = [
    "css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8", "svg": "image/svg+xml",
  ]

  private var library: [String: PageTemplate] = [:]
  private var assets: [String: Asset] = [:]
  /// Changes whenever an asset does; part of the assets' links.
  private(set) var version = ""

  /// Reads the templates.
  ///
  /// - Parameter folder: Files in it replace the built-in ones of the same name; nil takes the built-in ones.
  /// - Throws: ``ServerSetupError`` for a folder that is not there or a template that cannot be parsed.
  init(folder: String?) throws {
    if let folder, !FileManager.default.fileExists(atPath: folder) {
      throw ServerSetupError("the folder with the templates, \(folder), does not exist")
    }
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for (name, bytes) in Self.builtIn.sorted(by: { $0.key < $1.key }) {
      let replaced = folder.flatMap { FileManager.default.contents(atPath: "\($0)/\(name)") }
      let bytes = replaced.map { [UInt8]($0) } ?? bytes
      for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
      let kind = String(name.split(separator: ".").last ?? "")
      if let type = Self.types[kind] {
        assets[name] = Asset(bytes: bytes, type: type)
      } else {
        try register(name, String(decoding: bytes, as: UTF8.self))
      }
    }
    version = String(hash, radix: 36)
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

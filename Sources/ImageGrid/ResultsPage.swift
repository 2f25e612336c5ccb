internal import Basics
import FoundationEssentials
import ImageCodecs

/// A search's result as one HTML page that needs nothing beside it: images inlined, light and dark, printable, with
/// the SQL that was run.
public struct ResultsPage: Sendable, Hashable {
  /// The page's title and heading.
  public var title: String
  /// A line under the heading, e.g. the table, the metric and the time.
  public var summary: String?
  /// The query, marked, and the results in their order.
  public var items: [GridItem]
  /// The SQL that was run; nil leaves the section out.
  public var sql: String?
  /// Facts shown beside the SQL, e.g. model and ef_search.
  public var facts: [Fact]
  /// The longest side of an inlined image in pixels; larger ones are reduced.
  public var imageSide: Int
  /// The longest side where none is given.
  public static let usualImageSide = 480

  /// A name and its value.
  public struct Fact: Sendable, Hashable {
    /// What it is.
    public var name: String
    /// Its value.
    public var value: String

    /// A fact.
    public init(_ name: String, _ value: String) {
      self.name = name
      self.value = value
    }
  }

  /// A page.
  public init(
    title: String,
    summary: String? = nil,
    items: [GridItem],
    sql: String? = nil,
    facts: [Fact] = [],
    imageSide: Int = Self.usualImageSide
  ) {
    self.title = title
    self.summary = summary
    self.items = items
    self.sql = sql
    self.facts = facts
    self.imageSide = imageSide
  }

  /// The page's HTML. All text is escaped.
  ///
  /// - Throws: ``ImageError`` when an image cannot be encoded.
  public func html() throws -> String {
    let query = try items.filter(\.isQuery).map { try figure($0) }.joined(separator: "\n")
    let results = try items.filter { !$0.isQuery }.map { "<li>\n\(try figure($0))\n</li>" }
    return """
      <!doctype html>
      <html lang="en">
      <head>
      <meta charset="utf-8">
      <meta name="viewport" content="width=device-width, initial-scale=1">
      <meta name="color-scheme" content="light dark">
      <meta http-equiv="Content-Security-Policy" content="\(Self.contentPolicy)">
      <title>\(Quoting.html(title))</title>
      <style>
      \(PageStyle.css)
      </style>
      </head>
      <body>
      <header>
      <h1>\(Quoting.html(title))</h1>
      \(summary.map { "<p>\(Quoting.html($0))</p>" } ?? "")
      </header>
      <main>
      \(query.isEmpty ? "" : "<section class=\"query\" aria-label=\"Query\">\n\(query)\n</section>")
      <ol class="results" aria-label="Results">
      \(results.joined(separator: "\n"))
      </ol>
      \(details)
      </main>
      </body>
      </html>

      """
  }

  /// Nothing is loaded from anywhere, and no script runs.
  private static let contentPolicy = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"

  private func figure(_ item: GridItem) throws -> String {
    let detail = item.detail.map { "<span>\(Quoting.html($0))</span>" } ?? ""
    return """
      <figure>
      \(try image(of: item))
      <figcaption><strong>\(Quoting.html(item.title))</strong>\(detail)</figcaption>
      </figure>
      """
  }

  private func image(of item: GridItem) throws -> String {
    guard let image = item.image else {
      return "<div class=\"missing\" role=\"img\" aria-label=\"no image\">no image</div>"
    }
    let longer = max(image.width, image.height)
    let isTiny = longer <= 96
    let inlined = try image.thumbnail(side: max(16, imageSide))
    let source =
      isTiny
      ? "data:image/png;base64," + Base64.encode(try inlined.pngData())
      : "data:image/jpeg;base64," + Base64.encode(try inlined.jpegData(quality: 88))
    return "<img\(isTiny ? " class=\"tiny\"" : "") width=\"\(inlined.width)\" height=\"\(inlined.height)\""
      + " alt=\"\(Quoting.html(item.title))\" src=\"\(source)\">"
  }

  private var details: String {
    guard sql != nil || !facts.isEmpty else { return "" }
    let rows = facts.map { "<div><dt>\(Quoting.html($0.name))</dt><dd>\(Quoting.html($0.value))</dd></div>" }
    let list = rows.isEmpty ? "" : "<dl>\n\(rows.joined(separator: "\n"))\n</dl>\n"
    let statement = sql.map { "<pre tabindex=\"0\"><code>\(Quoting.html($0))</code></pre>" } ?? ""
    return """
      <section class="sql">
      <h2>How it was found</h2>
      \(list)\(statement)
      </section>
      """
  }
}

/// The style sheet of ``ResultsPage``.
enum PageStyle {
  /// The colours of a theme as custom properties.
  private static func variables(_ theme: GridTheme) -> String {
    let colours = [
      ("background", theme.background), ("card", theme.card), ("line", theme.outline), ("text", theme.text),
      ("quiet", theme.secondaryText), ("accent", theme.accent), ("on-accent", theme.accentText),
      ("hole", theme.placeholder),
    ]
    return colours.map { name, colour in
      let digits = String(UInt32(colour.packed) + 0x100_0000, radix: 16).dropFirst()
      return "--\(name): #\(digits);"
    }
    .joined(separator: " ")
  }

  static let css = """
    :root { color-scheme: light dark; \(variables(.light)) }
    @media (prefers-color-scheme: dark) { :root { \(variables(.dark)) } }
    * { box-sizing: border-box; }
    body {
      margin: 0; padding: clamp(1rem, 4vw, 3rem); background: var(--background); color: var(--text);
      font: 1rem/1.45 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif;
    }
    header, main { max-width: 76rem; margin-inline: auto; }
    h1 { margin: 0; font-size: clamp(1.4rem, 3.5vw, 2.1rem); line-height: 1.2; overflow-wrap: anywhere; }
    header p { margin: .35rem 0 0; color: var(--quiet); }
    main { display: grid; gap: 1.25rem; margin-top: 1.75rem; grid-template-columns: minmax(0, 1fr); }
    @media (min-width: 48rem) {
      main:has(.query) { grid-template-columns: minmax(12rem, 17rem) minmax(0, 1fr); align-items: start; gap: 1.5rem; }
      .query { position: sticky; top: 1.5rem; }
      .sql { grid-column: 1 / -1; }
    }
    .query { display: grid; gap: 1rem; max-width: 17rem; }
    .results {
      display: grid; grid-template-columns: repeat(auto-fill, minmax(min(9.5rem, 100%), 1fr)); gap: 1rem;
      margin: 0; padding: 0; list-style: none; counter-reset: rank;
    }
    .results li { counter-increment: rank; }
    figure {
      position: relative; height: 100%; margin: 0; padding: .7rem; overflow: hidden;
      background: var(--card); border: 1px solid var(--line); border-radius: .8rem;
    }
    .query figure { border: 3px solid var(--accent); }
    .query figure::before, .results figure::before {
      position: absolute; top: 1.1rem; left: 1.1rem; padding: .1rem .6rem; border-radius: 1rem;
      font-size: .75rem; font-weight: 700;
    }
    .query figure::before { content: "query"; background: var(--accent); color: var(--on-accent); }
    .results figure::before {
      content: counter(rank); background: var(--card); border: 1px solid var(--line);
      color: var(--text);
      font-variant-numeric: tabular-nums;
    }
    img, .missing { display: block; width: 100%; height: auto; aspect-ratio: 1; border-radius: .4rem; }
    img { object-fit: contain; }
    img.tiny { image-rendering: pixelated; }
    .missing { display: grid; place-items: center; background: var(--hole); color: var(--quiet); }
    figcaption { padding-top: .6rem; text-align: center; overflow-wrap: anywhere; }
    figcaption strong { display: block; }
    figcaption span { color: var(--quiet); font-size: .875rem; font-variant-numeric: tabular-nums; }
    .sql h2 { margin: .75rem 0 .6rem; font-size: 1.1rem; }
    dl { display: flex; flex-wrap: wrap; gap: .5rem 1.75rem; margin: 0 0 .9rem; }
    dl div { display: flex; gap: .5rem; }
    dt { color: var(--quiet); }
    dd { margin: 0; font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
    pre {
      margin: 0; padding: 1rem 1.15rem; overflow: auto; max-height: 28rem; background: var(--card);
      border: 1px solid var(--line); border-radius: .8rem;
      font: .85rem/1.5 ui-monospace, "SF Mono", Menlo, "DejaVu Sans Mono", monospace;
    }
    pre:focus-visible { outline: 2px solid var(--accent); }
    @media print {
      :root {
        --background: #fff; --card: #fff; --line: #bbb; --text: #000; --quiet: #444;
        --accent: #2f5fde; --on-accent: #fff; --hole: #eee;
      }
      body { padding: 0; font-size: 10pt; }
      main:has(.query) { display: block; }
      .query { position: static; width: 34%; margin-bottom: 5mm; }
      .results { grid-template-columns: repeat(5, 1fr); gap: 3mm; }
      figure, li { break-inside: avoid; }
      pre { max-height: none; white-space: pre-wrap; overflow-wrap: anywhere; }
      * { print-color-adjust: exact; }
    }
    """
}

enum Base64 {
  /// The standard alphabet, with padding.
  static func encode(_ bytes: [UInt8]) -> String { Data(bytes).base64EncodedString() }
}

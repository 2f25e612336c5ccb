import ImageFeatures

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
    imageSide: Int = 480
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
      <title>\(HTML.escape(title))</title>
      <style>
      \(PageStyle.css)
      </style>
      </head>
      <body>
      <header>
      <h1>\(HTML.escape(title))</h1>
      \(summary.map { "<p>\(HTML.escape($0))</p>" } ?? "")
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
    let detail = item.detail.map { "<span>\(HTML.escape($0))</span>" } ?? ""
    return """
      <figure>
      \(try image(of: item))
      <figcaption><strong>\(HTML.escape(item.title))</strong>\(detail)</figcaption>
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
      + " alt=\"\(HTML.escape(item.title))\" src=\"\(source)\">"
  }

  private var details: String {
    guard sql != nil || !facts.isEmpty else { return "" }
    let rows = facts.map { "<div><dt>\(HTML.escape($0.name))</dt><dd>\(HTML.escape($0.value))</dd></div>" }
    let list = rows.isEmpty ? "" : "<dl>\n\(rows.joined(separator: "\n"))\n</dl>\n"
    let statement = sql.map { "<pre tabindex=\"0\"><code>\(HTML.escape($0))</code></pre>" } ?? ""
    return """
      <section class="sql">
      <h2>How it was found</h2>
      \(list)\(statement)
      </section>
      """
  }
}

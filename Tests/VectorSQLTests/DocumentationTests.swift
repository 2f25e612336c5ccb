import Foundation
import Testing
import VectorSQL
import VectorSQLExamples

@Suite("The documentation is right")
struct DocumentationTests {
  private static let catalogue = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath()
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .appendingPathComponent("Sources/VectorSQL/VectorSQL.docc")

  @Test(
    "each article's Swift compiles",
    .enabled(if: Misuse.compiler != nil, "no swiftc on the path"),
    arguments: articles
  )
  func swift(_ article: String) throws {
    let blocks = try Self.blocks("swift", in: article)
    #expect(!blocks.isEmpty)
    let result = try Misuse.typecheck(file: Self.prelude + blocks.joined(separator: "\n") + "\n}\n")
    #expect(result.status == 0, "\(result.output)")
  }

  @Test("each SQL text of the side-by-side article is a golden")
  func sql() throws {
    let goldens = Example.all.flatMap { $0.goldens.values }.compactMap { golden in
      if case .text(let text) = golden { text } else { nil }
    }
    let blocks = try Self.blocks("sql", in: "SwiftAndSQL")
    #expect(blocks.count > 15)
    for block in blocks { #expect(goldens.contains(block), "\(block)") }
  }

  static let articles = ["VectorSQL", "SafeSQL", "SwiftAndSQL", "DialectDifferences"]

  private static let prelude = """
    import VectorSQL
    struct Products: Table {
      static let name: QualifiedName = "public.products"
      let id = Column<Int64>("id"), price = Column<Double>("price"), title = Column<String?>("title")
      let tags = Column<[String]>("tags"), details = Column<JSONDocument>("details")
      let feature = VectorColumn("feature", dim: 8), shape = VectorColumn("shape", dim: 8)
    }
    func article(_ probe: [Float], _ otherProbe: [Float], _ imageSearch: VectorSearch) throws {

    """

  /// The code blocks of a language, without the indentation of the columns that they stand in.
  private static func blocks(_ language: String, in article: String) throws -> [String] {
    let text = try String(contentsOf: catalogue.appendingPathComponent("\(article).md"), encoding: .utf8)
    var blocks: [String] = []
    var block: [Substring]?
    var indent = 0
    for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
      let bare = line.drop { $0 == " " }
      if bare == "```\(language)" {
        block = []
        indent = line.count - bare.count
      } else if bare == "```", let lines = block {
        blocks.append(lines.joined(separator: "\n"))
        block = nil
      } else {
        block?.append(line.dropFirst(min(indent, line.count - bare.count)))
      }
    }
    return blocks
  }
}

import Foundation
import TestSupport
import Testing

/// Code that must not compile, with what the compiler says about it; and the same code set right, which must compile.
@Suite(
  "Misuse does not compile",
  .serialized,
  .enabled(if: Misuse.compiler != nil, "no swiftc beside the tests")
)
struct MisuseTests {
  @Test("refused by the compiler", arguments: Misuse.all)
  func refused(_ misuse: Misuse) throws {
    let wrong = try Misuse.typecheck(misuse.wrong)
    #expect(wrong.status != 0, "this compiles: \(misuse.wrong)")
    #expect(wrong.output.contains(misuse.diagnostic), "\(wrong.output)")
    let right = try Misuse.typecheck(misuse.right)
    #expect(right.status == 0, "\(right.output)")
  }
}

struct Misuse: Sendable, CustomTestStringConvertible {
  let name: String
  let wrong: String
  let right: String
  let diagnostic: String

  var testDescription: String { name }

  static let all: [Misuse] = [
    Misuse(
      name: "run-time text as SQL",
      wrong: "let sql: SQL = SQL(stringLiteral: userInput)",
      right: #"let sql: SQL = "SELECT \(userInput)""#,
      diagnostic: "cannot convert value of type 'String' to expected argument type"
    ),
    Misuse(
      name: "run-time text in a variable as SQL",
      wrong: "let sql: SQL = userInput",
      right: "let sql: SQL = SQL(trusted: userInput)",
      diagnostic: "cannot convert value of type 'String' to specified type 'SQL'"
    ),
    Misuse(
      name: "run-time text as an identifier",
      wrong: "let name: Identifier = userInput",
      right: "let name: Identifier = try Identifier(validating: userInput)",
      diagnostic: "cannot convert value of type 'String' to specified type 'Identifier'"
    ),
    Misuse(
      name: "run-time text as an identifier inside a fragment",
      wrong: #"let sql: SQL = "SELECT \(id: userInput)""#,
      right: #"let sql: SQL = "SELECT \(id: "name")""#,
      diagnostic: "candidate expects value of type 'Identifier' for parameter #1 (got 'String')"
    ),
    Misuse(
      name: "an interpolated literal as an identifier",
      wrong: #"let name: Identifier = "a\(userInput)""#,
      right: #"let name: Identifier = "a""#,
      diagnostic: "cannot convert value of type 'String' to specified type 'Identifier'"
    ),
    Misuse(
      name: "a value of another type than the column's",
      wrong: #"_ = selection.where { $0.price.equals("cheap") }"#,
      right: "_ = selection.where { $0.price.equals(9.5) }",
      diagnostic: "cannot convert value of type 'String' to expected argument type"
    ),
    Misuse(
      name: "a column of another type beside a column",
      wrong: "_ = selection.where { $0.price.equals($0.id) }",
      right: "_ = selection.where { $0.price.isLess(than: $0.price) }",
      diagnostic: "Int64"
    ),
    Misuse(
      name: "a column of another table in a search",
      wrong: "_ = selection.where { _ in Shops().limit.isLess(than: 3) }",
      right: "_ = selection.where { $0.price.isLess(than: 3) }",
      diagnostic: "cannot convert value of type 'ScopedCondition<Column<Double>.Scope>'"
    ),
    Misuse(
      name: "a column of another table beside a column",
      wrong: "_ = selection.where { $0.price.isLess(than: Shops().limit) }",
      right: "_ = selection.where { $0.price.isLess(than: $0.price) }",
      diagnostic: "Unscoped"
    ),
    Misuse(
      name: "a condition of another table",
      wrong: "_ = selection.where(Shops.condition { $0.limit.isLess(than: 3) })",
      right: "_ = selection.where(Goods.condition { $0.price.isLess(than: 3) })",
      diagnostic: "cannot convert value of type 'ScopedCondition<Shops>' to expected argument type"
    ),
    Misuse(
      name: "a column of another table in a change",
      wrong: "_ = Delete(from: Goods.self).where { _ in Shops().limit.isLess(than: 3) }",
      right: "_ = Delete(from: Goods.self).where { $0.price.isLess(than: 3) }",
      diagnostic: "ScopedCondition"
    ),
    Misuse(
      name: "a column of a table that the query does not read",
      wrong:
        "_ = Select(from: Goods.self).where { goods in Select(from: Shops.self).where { goods.price.isLess(than: $0.limit) } }",
      right:
        "_ = Select(from: Goods.self).join(Shops.self) { $0.price.equals($1.limit) }.where { goods, shops in goods.price.isLess(than: shops.limit) }",
      diagnostic: "Shops"
    ),
    Misuse(
      name: "null as a value to compare with",
      wrong: "_ = selection.where { $0.title.equals(nil) }",
      right: "_ = selection.where { $0.title.isNull }",
      diagnostic: "nil"
    ),
    Misuse(
      name: "a pattern for a number",
      wrong: #"_ = selection.where { $0.price.isLike("9%") }"#,
      right: #"_ = selection.where { $0.title.isLike("9%") }"#,
      diagnostic: "requires the types"
    ),
    Misuse(
      name: "distance of a column that holds no vectors",
      wrong: #"_ = try selection.nearest(\.price, to: [1, 2], by: .l2, limit: 1)"#,
      right: #"_ = try selection.nearest(\.feature, to: [1, 2], by: .l2, limit: 1)"#,
      diagnostic: "VectorColumn"
    ),
    Misuse(
      name: "comparing a vector with a value",
      wrong: "_ = selection.where { $0.feature.equals([1, 2]) }",
      right: "_ = selection.where { $0.id.equals(1) }",
      diagnostic: "value of type 'SQL' has no member 'equals'"
    ),
    Misuse(
      name: "a row of another arity",
      wrong: "let one: Selection<Goods, Int64> = Search(Goods.self).select { ($0.id, $0.price) }",
      right: "let two: Selection<Goods, Int64, Double> = Search(Goods.self).select { ($0.id, $0.price) }",
      diagnostic: "could not infer pack element"
    ),
    Misuse(
      name: "too few values in a row to insert",
      wrong: "_ = try insert.statements(rows: [(1, 2.0)], for: .pgvector)",
      right: "_ = try insert.statements(rows: [(1, 2.0, [1, 2])], for: .pgvector)",
      diagnostic:
        "cannot convert value of type '(Int, Double)' to expected element type '(Int64, Double, [Float])'"
    ),
    Misuse(
      name: "descending order, which no vector index serves",
      wrong: #"_ = try selection.nearest(\.feature, to: [1, 2], by: .l2, limit: 1).descending"#,
      right: #"_ = try selection.nearest(\.feature, to: [1, 2], by: .l2, limit: 1).exact"#,
      diagnostic: "has no member 'descending'"
    ),
    Misuse(
      name: "an offset, which vector searches do not have",
      wrong: #"_ = try selection.nearest(\.feature, to: [1, 2], by: .l2, limit: 1).offset(10)"#,
      right: #"_ = try selection.nearest(\.feature, to: [1, 2], by: .l2, limit: 1).after(nil, by: \.id)"#,
      diagnostic: "has no member 'offset'"
    ),
  ]

  private static let frame = """
    import VectorSQL
    struct Goods: Table {
      static let name: QualifiedName = "goods"
      let id = Column<Int64>("id"), price = Column<Double>("price"), title = Column<String?>("title")
      let feature = VectorColumn("feature", dim: 2)
    }
    struct Shops: Table {
      static let name: QualifiedName = "shops"
      let limit = Column<Double>("limit")
    }
    func use(_ userInput: String) throws {
      let selection = Search(Goods.self).select { $0.id }
      let insert = Insert(into: Goods.self).columns { ($0.id, $0.price, $0.feature) }
      _ = (selection, insert)

    """

  /// The compiler that built the tests is on the path.
  static let compiler: String? = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
    .map { "\($0)/swiftc" }.first { FileManager.default.isExecutableFile(atPath: $0) }

  /// What the compiler needs to find the module under test, which is beside the test program, and those of C below it.
  private static let modules: [String] = {
    let products = URL(fileURLWithPath: CommandLine.arguments[0]).resolvingSymlinksInPath()
      .deletingLastPathComponent()
    let maps = ["CSHA256", "CYAML"].flatMap {
      ["-Xcc", "-fmodule-map-file=" + products.appendingPathComponent("\($0).build/module.modulemap").path]
    }
    return [
      "-I", products.appendingPathComponent("Modules").path, "-I", Environment.package + "/Sources/CZlib",
    ] + maps
  }()

  static func typecheck(_ line: String) throws -> (status: Int32, output: String) {
    try typecheck(file: frame + "  " + line + "\n}\n")
  }

  static func typecheck(file text: String) throws -> (status: Int32, output: String) {
    let folder = try TemporaryFolder()
    let file = try folder.file("misuse.swift", text)
    let process = Process()
    process.executableURL = URL(fileURLWithPath: try #require(compiler))
    process.arguments = ["-typecheck", "-swift-version", "6"] + modules + [file]
    let pipe = Pipe()
    process.standardError = pipe
    process.standardOutput = pipe
    try process.run()
    let output = pipe.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return (process.terminationStatus, String(decoding: output, as: UTF8.self))
  }
}

import Testing
import VectorSQL

@Suite("Names")
struct IdentifierTests {
  @Test("quotes are doubled, everything else stands as it is")
  func quoting() throws {
    #expect(try Identifier(validating: #"a"b"#).quoted == #""a""b""#)
    #expect(try Identifier(validating: "\"").quoted == "\"\"\"\"")
    #expect(try Identifier(validating: "x; DROP TABLE t --\n").quoted == "\"x; DROP TABLE t --\n\"")
  }

  @Test(
    "names that PostgreSQL would cut or refuse",
    arguments: ["", String(repeating: "é", count: 32), "a\0b"]
  )
  func refused(_ name: String) {
    #expect(throws: IdentifierError.self) { try Identifier(validating: name) }
  }

  @Test("63 bytes are enough, 64 are not")
  func length() {
    #expect(throws: Never.self) { try Identifier(validating: String(repeating: "x", count: 63)) }
    #expect(throws: IdentifierError.self) { try Identifier(validating: String(repeating: "x", count: 64)) }
  }

  @Test(
    "qualified names as people write them",
    arguments: [
      ("t", #""t""#), ("s.t", #""s"."t""#), (#""a.b""#, #""a.b""#), (#""s""x"."T y""#, #""s""x"."T y""#),
      // Quotes and dots with a combining mark behind them.
      ("\"\u{301}s\"\"\u{301}\".\u{301}t", "\"\u{301}s\"\"\u{301}\".\"\u{301}t\""),
    ]
  )
  func qualified(_ text: String, _ quoted: String) throws {
    #expect(try QualifiedName(validating: text).quoted == quoted)
  }

  @Test("qualified names that are none", arguments: ["", "a.b.c", #""open"#, "a.", ".b"])
  func notQualified(_ text: String) {
    #expect(throws: IdentifierError.self) { try QualifiedName(validating: text) }
  }

  @Test("index names made from long table names stay apart")
  func indexNames() throws {
    func name(_ table: String) throws -> String {
      let table = QualifiedName(name: try Identifier(validating: table))
      let column = VectorColumn("image_vector", dim: 3)
      let index = IndexDefinition(on: table, column, by: .l2, using: .hnsw())
      return try index.effectiveName().name
    }
    let long = String(repeating: "語", count: 20)
    let names = try [long + "a", long + "b"].map(name)
    #expect(names[0] != names[1])
    #expect(names.allSatisfy { $0.utf8.count <= Identifier.maximumBytes })
    #expect(try name("t") == "t_image_vector_hnsw")
  }
}

/// Scans the one dictionary literal that .npy headers consist of.
struct NumpyLiteral {
  private var rest: Substring

  init(_ text: String) { rest = Substring(text) }

  mutating func fields() throws -> (descr: String, isFortran: Bool, shape: [Int]) {
    var descr: String?
    var isFortran: Bool?
    var shape: [Int]?
    try expect("{")
    while !accept("}") {
      let key = try string()
      try expect(":")
      switch key {
      case "descr": descr = try string()
      case "fortran_order": isFortran = try boolean()
      case "shape": shape = try tuple()
      default: throw malformed
      }
      if !accept(",") {
        try expect("}")
        break
      }
    }
    skipSpaces()
    guard rest.isEmpty, let descr, let isFortran, let shape else { throw malformed }
    return (descr, isFortran, shape)
  }

  private var malformed: CheckpointError {
    CheckpointError(.damaged, "the header of the .npy file is not the literal that NumPy writes")
  }

  private mutating func string() throws -> String {
    skipSpaces()
    guard let quote = rest.popFirst(), quote == "'" || quote == "\"", let end = rest.firstIndex(of: quote)
    else {
      throw malformed
    }
    defer { rest = rest[rest.index(after: end)...] }
    return String(rest[..<end])
  }

  private mutating func boolean() throws -> Bool {
    if accept("True") { return true }
    try expect("False")
    return false
  }

  private mutating func tuple() throws -> [Int] {
    var values: [Int] = []
    try expect("(")
    while !accept(")") {
      skipSpaces()
      let digits = rest.prefix { $0.isASCII && $0.isNumber }
      guard let value = Int(digits), values.count < 64 else { throw malformed }
      values.append(value)
      rest = rest.dropFirst(digits.count)
      _ = accept("L")
      if !accept(",") {
        try expect(")")
        break
      }
    }
    return values
  }

  private mutating func expect(_ text: String) throws {
    guard accept(text) else { throw malformed }
  }

  private mutating func accept(_ text: String) -> Bool {
    skipSpaces()
    guard rest.hasPrefix(text) else { return false }
    rest = rest.dropFirst(text.count)
    return true
  }

  private mutating func skipSpaces() {
    rest = rest.drop { $0 == " " || $0 == "\n" || $0 == "\t" }
  }
}

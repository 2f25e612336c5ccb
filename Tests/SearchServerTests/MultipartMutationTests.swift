import TestSupport
import Testing

@testable import SearchServer

/// Random damage to a form: it is taken apart or refused, and no part holds what was not sent.
struct MultipartMutationTests {
  @Test func damagedFormsDoNoHarm() throws {
    let text =
      "--x\r\nContent-Disposition: form-data; name=\"k\"\r\n\r\n9\r\n--x\r\n"
      + "Content-Disposition: form-data; name=\"image\"; filename=\"a \\\"b\\\".png\"\r\nContent-Type: image/png\r\n\r\n"
      + "\u{1}\u{2}\r\n--\r\n--x--\r\n"
    #expect(try MultipartForm(Array(text.utf8), boundary: "x").parts.count == 2)
    var mutator = Mutator(seed: 21, Array(text.utf8))
    for _ in 0..<3000 {
      let bytes = mutator.next()
      guard let form = try? MultipartForm(bytes, boundary: "x") else { continue }
      #expect(form.parts.reduce(0) { $0 + $1.bytes.count } <= bytes.count)
      #expect(form.parts.count <= 32)
    }
  }
}

import Foundation
@testable import SearchServer
import TestSupport
import Testing

/// Images on the web, named by their address: fetched from public hosts only, and where the server was told to.
@Suite struct AddressTests {
  @Test(arguments: [
    "http://images.example/a.png", "HTTPS://images.example/a.png", "https://", "https:///a.png",
    "https://me@images.example/a.png", "https://images.example\\@localhost/a.png", "https://[::1]/a.png",
    "https://127.0.0.1/a.png", "https://2130706433/a.png", "https://0x7f.1/a.png",
    "https://images.0x7f/a.png",
    "https://images.example./a.png", "https://images..example/a.png", "https://images.example:+443/a.png",
    "https://images.example:99999/a.png", "https://images.example:/a.png", "https://images.example?/a.png",
    "https://images.example#/a.png", "https://images.example/a b.png", "https://bücher.example/a.png",
    "file:///etc/passwd", "--output", "",
  ])
  func whatIsNoPlainAddressIsRefused(_ text: String) {
    #expect(ImageAddress(text) == nil)
  }

  @Test func aPlainAddressHasHostAndPort() throws {
    let plain = try #require(ImageAddress("https://Images.example/a,b.png?c=%20#d"))
    #expect(plain.host == "images.example" && plain.port == 443)
    #expect(ImageAddress("https://images.example:8443")?.port == 8443)
    #expect(ImageAddress("https://images.example/" + String(repeating: "a", count: 3_000)) == nil)
  }

  @Test func privateAndReservedAddressesAreNotPublic() {
    let others: [[UInt8]] = [
      [0, 0, 0, 0], [10, 1, 2, 3], [100, 64, 0, 1], [127, 0, 0, 1], [169, 254, 169, 254], [172, 16, 0, 1],
      [172, 31, 255, 255], [192, 168, 0, 1], [192, 0, 2, 1], [198, 18, 0, 1], [198, 51, 100, 1],
      [203, 0, 113, 1], [224, 0, 0, 1], [255, 255, 255, 255],
    ]
    for address in others { #expect(!ImageAddress.isPublic(address), "\(address)") }
    for address in [[8, 8, 8, 8], [172, 15, 0, 1], [172, 32, 0, 1], [100, 128, 0, 1], [193, 0, 0, 1]]
      as [[UInt8]]
    {
      #expect(ImageAddress.isPublic(address), "\(address)")
    }
    func long(_ start: [UInt8]) -> [UInt8] { start + [UInt8](repeating: 0, count: 15 - start.count) + [1] }
    let longOthers = [
      long([]), long([0xFE, 0x80]), long([0xFC]), long([0xFD, 1]), long([0xFF, 2]), long([0x20, 0x02]),
      long([0x20, 0x01, 0x0D, 0xB8]), long([0x20, 0x01, 0, 0]), long([0, 0x64, 0xFF, 0x9B]),
      long([0x3F, 0xFF]),
      [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 8, 8, 8, 8],
    ]
    for address in longOthers { #expect(!ImageAddress.isPublic(address), "\(address)") }
    #expect(ImageAddress.isPublic(long([0x20, 0x01, 0x48, 0x60])))
  }

  /// A server on this machine with a certificate of its own: what it serves is fetched where its address may be asked.
  private static func withServer(_ body: (_ port: Int, _ certificate: String) async throws -> Void)
    async throws
  {
    let script = """
      import http.server,ssl,subprocess,sys
      subprocess.run(['openssl','req','-x509','-newkey','rsa:2048','-nodes','-days','2','-subj','/CN=localhost','-addext',
          'subjectAltName=DNS:localhost','-keyout',sys.argv[1]+'/k.pem','-out',sys.argv[1]+'/c.pem'],check=True,capture_output=True)
      class Handler(http.server.BaseHTTPRequestHandler):
          def do_GET(self):
              parts={'/image.png':(200,b'\\x89PNG'+b'0'*996),'/away':(302,b''),'/large':(200,b'0'*200000)}
              status,body=parts.get(self.path,(404,b'none'))
              self.send_response(status)
              if status==302: self.send_header('Location','/image.png')
              if self.path!='/large': self.send_header('Content-Length',str(len(body)))
              self.end_headers(); self.wfile.write(body)
          def log_message(self,*a): pass
      server=http.server.ThreadingHTTPServer(('127.0.0.1',0),Handler)
      context=ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER); context.load_cert_chain(sys.argv[1]+'/c.pem',sys.argv[1]+'/k.pem')
      server.socket=context.wrap_socket(server.socket,server_side=True)
      print(server.server_address[1],flush=True); server.serve_forever()
      """
    try await withTemporaryFolder { folder in
      let server = Process()
      let said = Pipe()
      server.executableURL = URL(filePath: "/usr/bin/env")
      server.arguments = ["python3", "-c", script, folder]
      server.standardOutput = said
      try server.run()
      // Not SIGTERM: a child inherits that this process ignores it, where a test of `serve` runs beside.
      defer { kill(server.processIdentifier, SIGKILL) }
      let line = String(decoding: said.fileHandleForReading.availableData, as: UTF8.self)
      let port = try #require(Int(line.trimmingCharacters(in: .whitespacesAndNewlines)))
      try await body(port, folder + "/c.pem")
    }
  }

  @Test func whatIsServedIsFetched() async throws {
    try await Self.withServer { port, certificate in
      func fetch(_ path: String, _ maximumBytes: Int = 100_000) async throws -> [UInt8] {
        let address = try #require(ImageAddress("https://localhost:\(port)\(path)"))
        return try await address.fetch(
          maximumBytes: maximumBytes,
          isAllowed: { $0.first == 127 || $0.last == 1 },
          certificates: certificate
        )
      }
      #expect(try await fetch("/image.png").count == 1_000)
      for path in ["/none", "/away", "/large"] {
        await #expect(throws: HTTPError.self, "\(path)") { try await fetch(path) }
      }
      await #expect(throws: HTTPError.self) { try await fetch("/image.png", 999) }
      let address = try #require(ImageAddress("https://localhost:\(port)/image.png"))
      // A certificate that nobody vouches for; and this machine's own address, which is not public.
      await #expect(throws: HTTPError.self) {
        try await address.fetch(maximumBytes: 9_999, isAllowed: { _ in true })
      }
      await #expect(throws: HTTPError.self) {
        try await address.fetch(maximumBytes: 9_999, certificates: certificate)
      }
    }
  }

  @Test func anAddressIsASearchWhereTheServerTakesOne() async throws {
    try await PageClient.with { page in
      #expect(try await page.ask("/").text.contains("name=\"address\"") == false)
      let refused = try await page.post(form: [("address", "https://images.example/a.png")], image: nil)
      #expect(refused.status == 400)
    }
    try await PageClient.with(configure: {
      $0.fetchesAddresses = true
      $0.fetch = { address, _ in
        guard address.host == "images.example" else { throw ImageAddress.refusal(1 << 20) }
        return Sample.png
      }
    }) { page in
      #expect(try await page.ask("/").text.contains("name=\"address\""))
      let sent = try await page.post(
        form: [("address", "https://images.example/my%20cat.png?a=1")],
        image: nil
      )
      #expect(sent.status == 303, "\(sent.text)")
      #expect(try await page.ask(sent["Location"] ?? "").text.contains("nearest to <em>my cat.png</em>"))
      for text in [
        "https://elsewhere.example/a.png", "https://localhost/a.png", "http://images.example/a.png",
      ] {
        let refused = try await page.post(form: [("address", text)], image: nil)
        #expect(refused.status == 422 && refused.text.contains("no image came from that address"), "\(text)")
      }
      // An empty field, as a form sends it, is none.
      #expect(try await page.post(form: [("address", ""), ("id", "1")], image: nil)["Location"] == "/?id=1")
    }
  }
}

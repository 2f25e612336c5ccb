internal import Glibc
internal import HTTPTypes
internal import Subprocess

/// The address of an image on the web that somebody searches with.
///
/// Whoever names an address must not reach by this server what only the server reaches. So it is HTTPS, its host is a name, every address
/// that the name has is public, and curl connects to these and to nothing else: no proxy, no redirection, no second look at the name.
struct ImageAddress: Sendable, Hashable {
  let text: String
  let host: String
  let port: UInt16

  /// How long an image may take.
  static let seconds = 15
  private static let maximumLength = 2_048

  /// Nil for everything but `https://NAME[:PORT]/…` of plain characters: what two programs may read differently.
  init?(_ text: String) {
    guard text.hasPrefix("https://"), text.utf8.count <= Self.maximumLength,
      text.utf8.allSatisfy({ (0x21...0x7E).contains($0) })
    else { return nil }
    let authority = text.dropFirst("https://".count).prefix { $0 != "/" }
    let parts = authority.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
    let labels = (parts.first ?? "").split(separator: ".", omittingEmptySubsequences: false)
    // A last label that begins with a digit is an address in one of its many forms.
    guard let last = labels.last?.utf8.first, !Self.isDigit(last), labels.allSatisfy(Self.isLabel) else {
      return nil
    }
    if parts.count == 2 {
      guard parts[1].utf8.allSatisfy(Self.isDigit), let port = UInt16(parts[1]) else { return nil }
      self.port = port
    } else {
      port = 443
    }
    self.text = text
    host = labels.joined(separator: ".").lowercased()
  }

  private static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }

  private static func isLabel(_ label: Substring) -> Bool {
    !label.isEmpty
      && label.utf8.allSatisfy { byte in
        isDigit(byte) || (0x61...0x7A).contains(byte | 0x20) || byte == UInt8(ascii: "-")
      }
  }

  /// Whether an address, of 4 or 16 bytes, is one of the public internet (the registries of RFC 6890 say which are not).
  static func isPublic(_ bytes: [UInt8]) -> Bool {
    guard bytes.count == 4 else {
      // 2000::/3, without protocols' own addresses, those of documentation, and 6to4, which leads to others.
      let (first, second) = (
        UInt16(bytes[0]) << 8 | UInt16(bytes[1]), UInt16(bytes[2]) << 8 | UInt16(bytes[3])
      )
      return bytes.count == 16 && first & 0xE000 == 0x2000 && first != 0x2002 && first != 0x3FFF
        && !(first == 0x2001 && (second < 0x200 || second == 0xDB8))
    }
    switch (bytes[0], bytes[1], bytes[2]) {
    case (0, _, _), (10, _, _), (127, _, _), (224..., _, _): return false
    case (100, 64...127, _), (169, 254, _), (172, 16...31, _), (192, 168, _), (198, 18...19, _): return false
    case (192, 0, 0), (192, 0, 2), (192, 88, 99), (198, 51, 100), (203, 0, 113): return false
    default: return true
    }
  }

  /// The host's addresses as text; empty unless all of them are allowed. Blocks.
  private func addresses(_ isAllowed: ([UInt8]) -> Bool) -> [String] {
    var hints = addrinfo()
    hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    var list: UnsafeMutablePointer<addrinfo>?
    guard getaddrinfo(host, nil, &hints, &list) == 0 else { return [] }
    defer { freeaddrinfo(list) }
    var found: [String] = []
    var next = list
    while let entry = next {
      next = entry.pointee.ai_next
      guard let address = entry.pointee.ai_addr else { continue }
      let isIPv4 = entry.pointee.ai_family == AF_INET
      // Behind family and port (sockaddr_in), or behind family, port and flow (sockaddr_in6).
      let bytes = [UInt8](
        UnsafeRawBufferPointer(start: UnsafeRawPointer(address) + (isIPv4 ? 4 : 8), count: isIPv4 ? 4 : 16)
      )
      var name = [CChar](repeating: 0, count: 64)
      guard isAllowed(bytes),
        getnameinfo(address, entry.pointee.ai_addrlen, &name, 64, nil, 0, NI_NUMERICHOST) == 0
      else { return [] }
      let text = String(decoding: name.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
      found.append(isIPv4 ? text : "[\(text)]")
    }
    return found
  }

  /// Fetches the file; may block for a moment.
  ///
  /// - Parameters:
  ///   - isAllowed: which addresses may be asked.
  ///   - certificates: the file with the authorities that are trusted; nil takes curl's.
  /// - Throws: `HTTPError`, the same for every cause, so that nobody learns which names and ports a network has.
  func fetch(
    maximumBytes: Int,
    isAllowed: ([UInt8]) -> Bool = isPublic,
    certificates: String? = nil
  ) async throws -> [UInt8] {
    let addresses = addresses(isAllowed)
    guard !addresses.isEmpty else { throw Self.refusal(maximumBytes) }
    let words = [
      "--disable", "--silent", "--globoff", "--proto", "=https", "--noproxy", "*", "--connect-timeout", "5",
      "--max-time", String(Self.seconds), "--max-filesize", String(maximumBytes), "--user-agent", "adbvec",
      "--resolve", "\(host):\(port):\(addresses.joined(separator: ","))", "--write-out",
      "%{stderr}%{http_code} %{exitcode}",
    ]
    let all = words + (certificates.map { ["--cacert", $0] } ?? []) + ["--url", text]
    do {
      // curl itself ends an answer of unknown length at no limit; behind head it ends as soon as there is too much.
      let ended = try await Subprocess.run(
        .name("sh"),
        arguments: Arguments(["-c", "curl \"$@\" | head -c \"$0\"", String(maximumBytes + 1)] + all),
        output: .bytes(limit: maximumBytes + 2),
        error: .string(limit: 4_096)
      )
      guard ended.standardError == "200 0", ended.standardOutput.count <= maximumBytes else {
        throw Self.refusal(maximumBytes)
      }
      return ended.standardOutput
    } catch is SubprocessError {
      throw Self.refusal(maximumBytes)
    }
  }

  static func refusal(_ maximumBytes: Int) -> HTTPError {
    HTTPError(
      .unprocessableContent,
      "unreadable_address",
      "no image came from that address: it must begin with https:// and a name of the public web, answer within \(seconds) s "
        + "itself, and have at most \(max(1, maximumBytes >> 20)) MiB"
    )
  }
}

/// How the page is served.
public struct PageConfiguration: Sendable {
  /// The address to listen on. Loopback unless told otherwise.
  public var host = "127.0.0.1"
  /// The port; 0 takes a free one.
  public var port = 8080
  /// The names under which browsers may ask for the page, without port; nil allows any.
  ///
  /// On loopback nil means `localhost`, `127.0.0.1` and `::1` only, so that a page of another site whose name is
  /// made to point here (DNS rebinding) gets nothing.
  public var allowedHosts: Set<String>?
  /// The secret that a client must give; nil asks for none.
  public var token: String?
  /// What the page calls the collection.
  public var collection = "images"
  /// A folder with templates that replace the built-in ones, file by file.
  public var templates: String?
  /// What a client may ask for.
  public var limits = PageLimits()
  /// How much runs at a time.
  public var load = PageLoad()

  /// The defaults: loopback, port 8080, no token.
  public init() {}

  /// Whether only this machine can connect.
  public var isLoopback: Bool {
    host == "localhost" || host == "::1" || host.hasPrefix("127.")
  }

  /// The hosts that a request may name; nil allows any.
  var acceptedHosts: Set<String>? {
    allowedHosts ?? (isLoopback ? ["localhost", "127.0.0.1", "::1", host] : nil)
  }

  /// - Throws: ``PageSetupError`` for a setting that cannot work.
  func check() throws {
    guard (0...65_535).contains(port) else {
      throw PageSetupError("the port must be 0…65535, not \(port)")
    }
    if let token, token.utf8.count < 16 {
      throw PageSetupError("the token has fewer than 16 characters; make one: openssl rand -hex 16")
    }
    guard limits.maximumCount >= 1, limits.maximumUploadBytes >= 1, limits.maximumPixels >= 1 else {
      throw PageSetupError("the limits of the page must be positive")
    }
  }
}

/// Why the page cannot start: one line.
public struct PageSetupError: Error, Sendable, Hashable, CustomStringConvertible {
  /// What is wrong and what to do.
  public let description: String

  init(_ description: String) {
    self.description = description
  }
}

internal import Foundation

/// Fetches a checkpoint into a store: goes on where an earlier try stopped, and keeps the file only when its digest is
/// the published one.
public struct ModelFetcher: Sendable {
  /// Where the file goes.
  public let store: ModelStore
  /// A folder's address that stands in for the publisher's, for those with a mirror of their own.
  public let mirror: String?

  /// A fetcher.
  public init(store: ModelStore, mirror: String? = nil) {
    self.store = store
    self.mirror = mirror
  }

  /// What a fetch did.
  public struct Outcome: Sendable, Hashable {
    /// The checkpoint's file.
    public let path: String
    /// The bytes that came over the network now.
    public let received: Int
    /// The bytes that an earlier try had left.
    public let resumed: Int

    /// An outcome from its parts.
    public init(path: String, received: Int, resumed: Int) {
      self.path = path
      self.received = received
      self.resumed = resumed
    }
  }

  /// Fetches a checkpoint; one that is there and whole is left as it is.
  ///
  /// A file is complete under its name or not there: bytes come into `….part` beside it, which stays for the next try
  /// when the network fails and is deleted when its digest is wrong.
  ///
  /// - Parameter showsProgress: lets a bar be drawn on standard error.
  /// - Throws: `ModelStoreError`; `CancellationError`.
  public func fetch(_ model: KnownModel, showsProgress: Bool = false) async throws -> Outcome {
    if try store.verify(model) == .verified, let path = store.path(of: model) {
      return Outcome(path: path, received: 0, resumed: 0)
    }
    let address = try address(of: model)
    let path = try store.newPath(of: model)
    let part = path + ".part"
    var before = Self.size(of: part)
    let isWhole = try before > 0 && ModelStore.sha256(ofFile: part).hasPrefix(model.sha256)
    if !isWhole {
      let transfer = FileTransfer(address: address, path: part, showsProgress: showsProgress)
      if try await !transfer.run(from: before) {
        try? FileManager.default.removeItem(atPath: part)
        before = 0
        _ = try await transfer.run(from: 0)
      }
      try check(part, model, address)
    }
    let size = Self.size(of: part)
    guard rename(part, path) == 0 else {
      throw ModelStoreError(.file, "cannot write \(path): \(String(cString: strerror(errno)))")
    }
    return Outcome(path: path, received: size - before, resumed: before)
  }

  /// Deletes a file that is not the published one.
  private func check(_ part: String, _ model: KnownModel, _ address: URL) throws {
    let digest = try ModelStore.sha256(ofFile: part)
    guard digest.hasPrefix(model.sha256) else {
      try? FileManager.default.removeItem(atPath: part)
      let expected = model.sha256 + (model.sha256.count < 64 ? "…" : "")
      throw ModelStoreError(
        .digest,
        "\(address) is not the file that was published: SHA-256 \(digest), expected \(expected); nothing was kept, "
          + "try again or another mirror"
      )
    }
  }

  private func address(of model: KnownModel) throws -> URL {
    let text: String
    switch (mirror, model.source) {
    case (let mirror?, _): text = (mirror.hasSuffix("/") ? mirror : mirror + "/") + model.file
    case (nil, .address(let address)): text = address
    case (nil, .bootstrap):
      throw ModelStoreError(
        .unknown,
        "\(model.name) lies inside a package, not at an address: run scripts/bootstrap, or name a mirror with --from"
      )
    }
    guard let url = URL(string: text), ["http", "https"].contains(url.scheme?.lowercased()), url.host != nil
    else {
      throw ModelStoreError(.unknown, "\"\(text)\" is no http or https address")
    }
    return url
  }

  static func size(of path: String) -> Int {
    let attributes = try? FileManager.default.attributesOfItem(atPath: path)
    return (attributes?[.size] as? NSNumber)?.intValue ?? 0
  }
}

import Foundation
import ImageCodecs
import ImageSearch
import ImageSources
import Ingestion
import PostgresClient
import Synchronization
import TestSupport
import Testing
import VectorSQL

/// A folder of images of one pixel, whose colour is the vector, and a table that follows it.
final class SyncedFolder: Sendable {
  let schema: String
  let images: EditedFolder
  private let settings: ConnectionSettings
  private let target: LoadTarget
  private let embeddings = Mutex(0)
  /// Done once, when the next image is embedded: what happens while a run is under way.
  let meanwhile = Mutex<(@Sendable () throws -> Void)?>(nil)

  private init(schema: String, target: LoadTarget, settings: ConnectionSettings) throws {
    (self.schema, self.target, self.settings) = (schema, target, settings)
    images = try EditedFolder()
  }

  static func with(
    idType: String = "bigint",
    _ body: (SyncedFolder) async throws -> Void
  ) async throws {
    let settings = try await ScratchSchema.settings()
    try await ScratchSchema.with { connection, schema in
      let table = QualifiedName(schema: try Identifier(validating: schema), name: "image_search")
      for name in [table.quoted, "\(schema).fresh"] {
        try await connection.run(
          trusted: """
            CREATE TABLE \(name) (id \(name == table.quoted ? idType : "bigint") PRIMARY KEY, class text, source text UNIQUE, image_vector real[])
            """
        )
      }
      var named = settings
      named.overrides = ["application_name": schema]
      try await body(try SyncedFolder(schema: schema, target: LoadTarget(table: table), settings: named))
    }
  }

  /// Another folder that goes to the same table.
  func another() throws -> SyncedFolder {
    try SyncedFolder(schema: schema, target: target, settings: settings)
  }

  /// Makes the vectors pgvector's, with an index of an operator class where one is given.
  func useVectorColumn(index: String?) async throws {
    let table = target.table.quoted
    try await sql("SELECT pg_advisory_lock(1); CREATE EXTENSION IF NOT EXISTS vector")
    try await sql("ALTER TABLE \(table) ALTER image_vector TYPE vector(3) USING NULL")
    if let index { try await sql("CREATE INDEX ON \(table) USING hnsw (image_vector \(index))") }
  }

  /// How many images were embedded.
  var embedded: Int { embeddings.withLock { $0 } }

  /// - Parameters:
  ///   - recipe: what the source says when it is asked.
  ///   - list: follows the images that this file in the folder lists.
  func sync(
    recipe: Recipe? = nil,
    ids: ImageIDs = .position,
    list: String? = nil,
    _ change: (inout LoadOptions) -> Void = { _ in },
    onEvent: @escaping @Sendable (LoadEvent) -> Void = { _ in }
  ) async throws -> LoadReport {
    var options = LoadOptions()
    (options.continuation, options.onConflict, options.batchRows) = (.resume, .skip, 3)
    (options.retries, options.analyzes) = (0, false)
    change(&options)
    if options.plansOnly { options.isDryRun = true }
    return try await Loader(settings: settings, target: target, options: options).run(
      source(recipe, ids: ids, list: list),
      onEvent: onEvent
    )
  }

  private func source(
    _ recipe: Recipe? = nil,
    ids: ImageIDs = .position,
    list: String? = nil
  ) throws -> ImageBatchSource {
    let collection: any ImageCollection =
      try list.map { try ManifestCollection(path: images.absolute($0), allowsNone: true) }
      ?? FolderCollection(path: images.path, allowsNone: true)
    var makeRecipe: (@Sendable () throws -> Recipe)?
    if let recipe { makeRecipe = { recipe } }
    return ImageBatchSource(collection, .init(workers: 2, ids: ids), recipe: makeRecipe) {
      { image in
        self.embeddings.withLock { $0 += 1 }
        let action = self.meanwhile.withLock { action in
          defer { action = nil }
          return action
        }
        try action?()
        return image.rgb.prefix(3).map { Float($0) }
      }
    }
  }

  /// Begins a run, and ends it, or its connections, after some milliseconds.
  func syncAndStop(after milliseconds: Int, _ number: Int) async {
    let run = Task {
      try await sync { ($0.deleted, $0.confirmsDeletions) = (number % 3 == 0 ? .keep : .delete, true) }
    }
    try? await Task.sleep(for: .milliseconds(milliseconds))
    if number % 2 == 0 {
      run.cancel()
    } else {
      _ = try? await sql(
        "SELECT pg_terminate_backend(pid)::text FROM pg_stat_activity WHERE application_name = '\(schema)'"
      )
    }
    _ = try? await run.value
  }

  /// Compares the rows with those that a load of the folder into an empty table makes.
  func expectFreshLoad(_ comment: Comment? = nil) async throws {
    let table = QualifiedName(schema: try Identifier(validating: schema), name: "fresh")
    _ = try await sql("TRUNCATE \(schema).fresh")
    var options = LoadOptions()
    (options.continuation, options.analyzes) = (.untracked, false)
    if !images.paths().isEmpty {
      _ = try await Loader(settings: settings, target: LoadTarget(table: table), options: options).run(
        source()
      )
    }
    let columns = "source || coalesce(class, '') || image_vector::text"
    let rows = try await rows(columns, order: "1")
    let fresh = try await sql("SELECT \(columns) FROM \(schema).fresh ORDER BY 1")
    #expect(rows == fresh, comment)
  }

  /// Every row has the source of its image and the hash that is recorded of it.
  func expectRecordedHashes() async throws {
    let right = try await sql(
      """
      SELECT count(*) FROM \(schema).image_search t
      JOIN \(schema).adbvec_load_image i ON coalesce(i.id_text, i.id::text) = t.id::text
      WHERE t.content_hash = i.content_hash AND right(t.source, length(i.path)) = i.path
      """
    )
    #expect(try await sql("SELECT count(*) FROM \(schema).image_search") == right)
  }

  func rows(_ columns: String, order: String) async throws -> [String?] {
    try await sql("SELECT concat_ws(':', \(columns)) FROM \(target.table.quoted) ORDER BY \(order)")
  }

  /// The first column of an answer.
  @discardableResult
  func sql(_ text: String) async throws -> [String?] {
    let connection = try await ScratchSchema.connect()
    let rows = try await connection.run(trusted: text).last?.rows.map { $0[0] }
    await connection.close()
    return rows ?? []
  }
}

/// Fills a folder with what people's folders have: names of every kind, links, copies, files that are not images, images
/// that are broken or empty, what other programs leave behind, and a photograph of a telephone.
struct MessyFolder {
  /// How many images can be read, those behind links counted once for each path.
  private(set) var readable = 0
  /// How many files by the name of an image cannot.
  private(set) var unreadable = 0
  private let folder: EditedFolder

  init(_ folder: EditedFolder, count: Int) throws {
    self.folder = folder
    for number in 0..<count { try add(number) }
    let names = [
      "with space.bmp", "-dash.bmp", "quote'\"\\.bmp", "line\nbreak.bmp", "tab\there.bmp", "%s%n.bmp",
      "#12.bmp",
      "caf\u{E9}.bmp", "cafe\u{301}.bmp", "\u{1F408}\u{200D}\u{2B1B}.bmp", "\u{202E}gnp.bmp",
      "semi;colon.BMP",
      String(repeating: "n", count: 250) + ".bmp", "deep/" + String(repeating: "d/", count: 40) + "x.bmp",
      "file:/x.bmp", "a.b/c.d.bmp", "$(touch x).bmp", "ESC\u{1B}[31m.bmp", "100%.bmp", "?.bmp",
    ]
    for (number, name) in names.enumerated() { try image(name, UInt8(number), green: 200) }
    try odd([0xFF, 0xFE] + Array(".bmp".utf8), green: 201)
    try odd(Array("sub-".utf8) + [0xE9] + Array(".bmp".utf8), green: 202)
    try heic("phone/IMG_0001.HEIC")
    for name in [".hidden.bmp", "._apple.bmp", "@eaDir/thumb.bmp", "__MACOSX/x.bmp", ".thumbnails/y.bmp"] {
      try folder.write(name, 9)
    }
    for name in ["notes.txt", "film.mov", "sidecar.xmp", "no extension"] {
      try folder.write(name, Array("x".utf8))
    }
    try links()
  }

  private mutating func image(_ name: String, _ red: UInt8, green: UInt8, extraBytes: Int = 0) throws {
    try folder.write(name, EditedFolder.bitmap(red: red, green: green, extraBytes: extraBytes))
    readable += 1
  }

  /// Most are images of their own, some are copies, some cannot be read.
  private mutating func add(_ number: Int) throws {
    let name = "album \(number / 100)/IMG_\(number)"
    switch number % 25 {
    case 3: try bad(name + ".bmp", Array(EditedFolder.bitmap(red: 1).prefix(40)))
    case 4: try bad(name + ".jpg", [])
    case 5: try bad(name + ".png", Array("this is text".utf8))
    case 6: try bad(name + ".heic", Array("no photograph".utf8))
    case 7, 8: try image(name + ".bmp", 7, green: 7)
    default: try image(name + ".bmp", UInt8(number % 251), green: UInt8(number / 251), extraBytes: number % 3)
    }
  }

  private mutating func bad(_ name: String, _ bytes: [UInt8]) throws {
    try folder.write(name, bytes)
    unreadable += 1
  }

  /// A name that is not UTF-8.
  private mutating func odd(_ name: [UInt8], green: UInt8) throws {
    let path = (Array(folder.path.utf8) + [UInt8(ascii: "/")] + name).map { CChar(bitPattern: $0) } + [0]
    let file = try #require(fopen(path, "w"))
    let bytes = EditedFolder.bitmap(red: 1, green: green)
    fwrite(bytes, 1, bytes.count, file)
    fclose(file)
    readable += 1
  }

  /// A photograph of a telephone, which is read where libheif is.
  private mutating func heic(_ name: String) throws {
    let bytes = Array(Data(base64Encoded: Self.photograph, options: .ignoreUnknownCharacters) ?? Data())
    if name.hasPrefix("phone/") { try folder.write(name, bytes) }
    if (try? Image(decoding: bytes)) == nil { unreadable += 1 } else { readable += 1 }
  }

  /// 64 x 48 pixels by pillow-heif.
  private static let photograph = """
    AAAAHGZ0eXBoZWljAAAAAG1pZjFoZWljbWlhZgAAAX1tZXRhAAAAAAAAACFoZGxyAAAAAAAAAABwaWN0AAAAAAAAAAAAAAAAAAAA
    ACJpbG9jAAAAAERAAAEAAQAAAAABoQABAAAAAAAAAUUAAAAjaWluZgAAAAAAAQAAABVpbmZlAgAAAAABAABodmMxAAAAAA5waXRt
    AAAAAAABAAAA/WlwcnAAAADdaXBjbwAAAHZodmNDAQNwAAAAkAAAAAAAHvAA/P34+AAADwNgAAEAGEABDAH//wNwAAADAJAAAAMA
    AAMAHroCQGEAAQAqQgEBA3AAAAMAkAAAAwAAAwAeoCCBBZbq5Ka5uAhoMCAAAAMDIAAAAwAhYgABAAZEAcFzwIkAAAATY29scm5j
    bHgAAQANAAaAAAAAFGlzcGUAAAAAAAAAQAAAAEAAAAAoY2xhcAAAAEAAAAABAAAAMAAAAAEAAAAAAAAAAv////AAAAACAAAAEHBp
    eGkAAAAAAwgICAAAABhpcG1hAAAAAAAAAAEAAQWBAgMFhAAAAU1tZGF0AAABQSgBrwT4mwiu6Pd0Xndobt+iMht4Z3F1efyReIw1
    v6diz94+T/kb+rV9AGxR0h924y1O7mUf6BNnxuUV/Z1awzVM3hiJX7c7EiFWq14nrE9Ar5+v05HGEGNxKBKLA0Cl0Cnh2c2f83xv
    MpZDd3Mr5ECfymedZYyvWSLNEnp0kejWfW0AF6j+KZ8pmLz93iluRvt7wwV8y0THB/iC8113CppmFQcAn/qNeZnmctCfH7NH1rN6
    E40sqv0Bb2KRgBROuSOQP/+G+7M+9knaEOsrp3QqLAoLFtbpIn1xTZppPyJ0Qm6+qBcJCbeU0Da3LpF+a6d28fxL52ig4ZpKoeeC
    OnbLsHg6UVJ88HCS9qrtUkxslr8NgW42EZKtMf2CsRwRcDtEAVkCyJZAz3aEsZQYulrJ0bh8wxITrf0f5o5AXZpcgA==
    """

  /// A link to an image, to a folder beside, to nothing and to the folder itself; a pipe by an image's name.
  private mutating func links() throws {
    func link(_ name: String, _ target: String) throws {
      try FileManager.default.createSymbolicLink(atPath: folder.absolute(name), withDestinationPath: target)
    }
    try link("link.bmp", folder.absolute("with space.bmp"))
    try link("linked folder", folder.absolute("phone"))
    try link("nowhere.bmp", "/nowhere/at/all.bmp")
    try link("phone/loop", folder.path)
    mkfifo(folder.absolute("pipe.bmp"), 0o600)
    readable += 1
    try heic("linked folder/IMG_0001.HEIC")
  }
}

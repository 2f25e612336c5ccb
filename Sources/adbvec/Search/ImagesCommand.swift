import ArgumentParser
import Basics
import CommandSupport
import FoundationEssentials
import ImageCodecs
import ImageGrid
import ImageSources

/// `adbvec images …`: a collection, looked at.
struct ImagesCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "images",
    abstract: "Look at the images of a collection.",
    subcommands: [ImagesShow.self]
  )
}

/// `adbvec images show`: the tutorial's labelled grid.
struct ImagesShow: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show",
    abstract: "Draw images of a collection as a labelled grid, PNG or JPEG.",
    discussion: """
      SOURCE is a folder of images (sub-folder = class) or CIFAR as downloaded: archive, folder or file. Ids count from 0, as \
      embed-load counts.

        adbvec images show ~/Pictures --ids 0-9,42 --output grid.png
      """
  )

  @Argument(
    help: ArgumentHelp("A folder of images, or CIFAR files.", valueName: "source"),
    completion: .file()
  )
  var source: String

  @Option(help: ArgumentHelp("The images: 3,7,10-19.", valueName: "list"))
  var ids: String?

  @Option(help: ArgumentHelp("The first N images, if --ids is not given.", valueName: "n"))
  var count = 20

  @Option(name: .customLong("class"), help: ArgumentHelp("Only images of this class.", valueName: "name"))
  var label: String?

  @Option(help: "The order of the images: given, id, class or name.")
  var sort = ImageOrder.given

  @OptionGroup(title: "Grid options") var layout: GridOptions
  @OptionGroup(title: "Global options") var global: GlobalOptions

  @Option(
    name: .shortAndLong,
    help: ArgumentHelp("The image to write, .png or .jpg.", valueName: "file"),
    completion: .file(extensions: ["png", "jpg"])
  )
  var output = "images.png"

  func validate() throws {
    try checkRange("--count", count, 1...1000)
    try checkOutput("--output", output, extensions: ["png", "jpg", "jpeg"])
  }

  mutating func run() async throws {
    let collection = try ImageSource.open(source, options: .display)
    let positions =
      try ids.map { try PositionList.parse($0, below: collection.count) } ?? firstPositions(collection)
    guard !positions.isEmpty else {
      throw CommandFailure("\(collection.name) has no image of the class \"\(label ?? "")\"")
    }
    let entries = sort.sorted(try positions.map { try collection.entry(at: $0) })
    let items = entries.prefix(layout.room ?? entries.count).map { entry in
      GridItem(
        image: (try? collection.image(at: entry.id))?.reduced(to: layout.cellSize),
        title: entry.label ?? entry.name,
        detail: "id \(entry.id)"
      )
    }
    try AtomicFile.write(try layout.data(of: layout.grid(items), for: output), to: output)
    try Output.line(output)
  }

  private func firstPositions(_ collection: any ImageCollection) throws -> [Int] {
    var found: [Int] = []
    for position in 0..<collection.count where found.count < count {
      let entry = try collection.entry(at: position)
      if label == nil || entry.label == label { found.append(position) }
    }
    return found
  }
}

/// In which order `images show` draws.
enum ImageOrder: String, ExpressibleByArgument, CaseIterable {
  case given, id, `class`, name

  /// Entries in this order; those that are alike stay as they are.
  func sorted(_ entries: [ImageEntry]) -> [ImageEntry] {
    switch self {
    case .given: entries
    case .id: entries.sorted { $0.id < $1.id }
    case .class: entries.sorted { ($0.label ?? "") < ($1.label ?? "") }
    case .name: entries.sorted { $0.name < $1.name }
    }
  }
}

/// Positions as people write them: `3,7,10-19`.
enum PositionList {
  private static let most = 1000
  private static let tooMany = CommandFailure("a grid holds at most \(most) images", exitCode: 64)

  static func parse(_ text: String, below count: Int) throws -> [Int] {
    let positions = try text.split(separator: ",", omittingEmptySubsequences: false).flatMap {
      part -> [Int] in
      let ends = part.split(separator: "-", omittingEmptySubsequences: false)
        .map { Int($0.filter { !$0.isWhitespace }) }
      guard let first = ends.first ?? nil, let last = ends.last ?? nil, ends.count <= 2, first <= last else {
        throw CommandFailure(
          "--ids must be numbers and ranges such as 3,7,10-19, not \"\(part)\"",
          exitCode: 64
        )
      }
      guard last < count else {
        throw CommandFailure("there is no image \(last): the ids are 0…\(count - 1)")
      }
      guard last - first < most else { throw tooMany }
      return Array(first...last)
    }
    guard positions.count <= most else { throw tooMany }
    return positions
  }
}

import ArgumentParser
import CommandSupport
import Foundation
import ImageSources
import ImageFeatures
import ImageGrid

/// `adbvec images show`: the tutorial's labelled grid.
struct ImagesShow: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show",
    abstract: "Draw chosen images of a collection as a labelled grid, PNG.",
    discussion: """
      SOURCE is a folder of images (sub-folder = class) or a CIFAR binary file or folder. Ids count from 0, as \
      embed-load counts.

        adbvec images show ~/Pictures --ids 0-9,42 --output grid.png
      """
  )

  @Argument(help: ArgumentHelp("A folder of images, or CIFAR files.", valueName: "source"))
  var source: String

  @Option(help: ArgumentHelp("Which images: 3,7,10-19.", valueName: "list"))
  var ids: String?

  @Option(help: ArgumentHelp("So many from the start, when --ids is not given.", valueName: "count"))
  var count = 20

  @Option(name: .customLong("class"), help: ArgumentHelp("Only images of this class.", valueName: "name"))
  var label: String?

  @Option(help: "The order of the images: given, id, class or name.")
  var sort = ImageOrder.given

  @OptionGroup var layout: GridOptions

  @Option(name: .shortAndLong, help: ArgumentHelp("The PNG to write.", valueName: "file"))
  var output = "images.png"

  func validate() throws {
    guard (1...1000).contains(count) else { throw ValidationError("--count must be 1…1000, not \(count)") }
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
        image: try? collection.image(at: entry.id),
        title: entry.label ?? entry.name,
        detail: "id \(entry.id)"
      )
    }
    try Data(try layout.grid(items).pngData()).write(to: URL(fileURLWithPath: output), options: .atomic)
    print(output)
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

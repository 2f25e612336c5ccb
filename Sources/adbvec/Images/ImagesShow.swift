import ArgumentParser
import Foundation
import ImageCollections
import ImageFeatures
import PictureGrid

/// `adbvec images show`: the tutorial's labelled grid.
struct ImagesShow: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show",
    abstract: "Draw chosen pictures of a collection as a labelled grid, PNG.",
    discussion: """
      SOURCE is a folder of pictures (sub-folder = class) or a CIFAR binary file or folder. Ids count from 0, as \
      embed-load counts.

        adbvec images show ~/Pictures --ids 0-9,42 --output grid.png
      """
  )

  @Argument(help: ArgumentHelp("A folder of pictures, or CIFAR files.", valueName: "source"))
  var source: String

  @Option(help: ArgumentHelp("Which pictures: 3,7,10-19.", valueName: "list"))
  var ids: String?

  @Option(help: ArgumentHelp("So many from the start, when --ids is not given.", valueName: "count"))
  var count = 20

  @Option(name: .customLong("class"), help: ArgumentHelp("Only pictures of this class.", valueName: "name"))
  var label: String?

  @Option(help: ArgumentHelp("Columns of the grid.", valueName: "count"))
  var columns: Int?

  @Option(help: ArgumentHelp("The side of a picture in the grid, in pixels.", valueName: "pixels"))
  var cellSize = 160

  @Option(name: .shortAndLong, help: ArgumentHelp("The PNG to write.", valueName: "file"))
  var output = "images.png"

  func validate() throws {
    if let columns, !(1...100).contains(columns) {
      throw ValidationError("--columns must be 1…100, not \(columns)")
    }
    guard (1...1000).contains(count) else { throw ValidationError("--count must be 1…1000, not \(count)") }
  }

  mutating func run() async throws {
    let collection = try PictureSource.open(source, options: .display)
    let positions =
      try ids.map { try PositionList.parse($0, below: collection.count) } ?? firstPositions(collection)
    guard !positions.isEmpty else {
      throw CommandFailure("\(collection.name) has no picture of the class \"\(label ?? "")\"")
    }
    let items = try positions.map { position in
      let entry = try collection.entry(at: position)
      return GridItem(
        picture: try? collection.picture(at: position),
        title: entry.label ?? entry.name,
        detail: "id \(position)"
      )
    }
    let grid = PictureGrid(items: items, columns: columns, cellSize: cellSize)
    try Data(try grid.pngData()).write(to: URL(fileURLWithPath: output), options: .atomic)
    print(output)
  }

  private func firstPositions(_ collection: any PictureCollection) throws -> [Int] {
    var found: [Int] = []
    for position in 0..<collection.count where found.count < count {
      let entry = try collection.entry(at: position)
      if label == nil || entry.label == label { found.append(position) }
    }
    return found
  }
}

/// Positions as people write them: `3,7,10-19`.
enum PositionList {
  static func parse(_ text: String, below count: Int) throws -> [Int] {
    try text.split(separator: ",").flatMap { part -> [Int] in
      let ends = part.split(separator: "-").map { Int($0.filter { !$0.isWhitespace }) }
      guard let first = ends.first ?? nil, let last = ends.last ?? nil, ends.count <= 2, first <= last,
        first >= 0
      else {
        throw CommandFailure(
          "--ids takes numbers and ranges such as 3,7,10-19, not \"\(part)\"",
          exitCode: 64
        )
      }
      guard last < count else {
        throw CommandFailure("there is no picture \(last): ids are 0…\(count - 1)")
      }
      guard last - first < 1000 else {
        throw CommandFailure("a grid holds at most 1000 pictures", exitCode: 64)
      }
      return Array(first...last)
    }
  }
}

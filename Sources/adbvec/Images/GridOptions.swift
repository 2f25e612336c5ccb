import ArgumentParser
import ImageGrid

/// How a grid of images is laid out.
struct GridOptions: ParsableArguments {
  @Option(help: ArgumentHelp("Columns of the grid.", valueName: "count"))
  var columns: Int?

  @Option(
    help: ArgumentHelp("Rows of the grid; with --columns, what does not fit is left out.", valueName: "count")
  )
  var rows: Int?

  @Option(help: ArgumentHelp("The side of an image in the grid, in pixels.", valueName: "pixels"))
  var cellSize = 192

  func validate() throws {
    for (name, value) in [("--columns", columns), ("--rows", rows)] {
      if let value, !(1...100).contains(value) {
        throw ValidationError("\(name) must be 1…100, not \(value)")
      }
    }
    guard (48...1024).contains(cellSize) else {
      throw ValidationError("--cell-size must be 48…1024, not \(cellSize)")
    }
  }

  /// How many cells there is room for; nil without a limit.
  var room: Int? {
    guard let rows, let columns else { return nil }
    return rows * columns
  }

  /// A grid of these cells; those that do not fit are left out.
  func grid(_ items: [GridItem], heading: String? = nil) -> ImageGrid {
    ImageGrid(items: items, heading: heading, columns: columns, rows: rows, cellSize: cellSize)
  }
}

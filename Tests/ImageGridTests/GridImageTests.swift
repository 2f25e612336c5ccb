import Dispatch
import ImageCodecs
import Synchronization
import Testing

@testable import ImageGrid

@Suite struct GridImageTests {
  @Test func `A tiny image becomes sharp blocks of whole pixels`() throws {
    let image = try Image(width: 2, height: 1, rgb: [200, 10, 20, 30, 40, 250])
    let grid = ImageGrid(items: [GridItem(image: image, title: "two")], cellSize: 64)
    let drawn = try grid.image()
    let square = try imageSquare(of: grid, 0)
    let middle = square.y + 32
    #expect(drawn.pixel(x: square.x + 31, y: middle) == RGBColor(hex: 0xC80A14))
    #expect(drawn.pixel(x: square.x + 32, y: middle) == RGBColor(hex: 0x1E28FA))
  }

  @Test func `A large image is reduced to the cell's square`() throws {
    let grid = ImageGrid(
      items: [GridItem(image: try plain(300, 150, 0x336699), title: "large")],
      cellSize: 64
    )
    let square = try imageSquare(of: grid, 0)
    let drawn = try grid.image()
    #expect(drawn.pixel(x: square.x + 32, y: square.y + 32) == RGBColor(hex: 0x336699))
    #expect(drawn.pixel(x: square.x + 32, y: square.y + 10) == GridTheme.light.card)
  }

  @Test func `The query is outlined and marked, the others are not`() throws {
    let image = try plain(32, 32, 0x000000)
    let grid = ImageGrid(
      items: [
        GridItem(image: image, title: "asked", isQuery: true), GridItem(image: image, title: "found"),
      ],
      cellSize: 96
    )
    let layout = try GridLayout(grid)
    let drawn = try grid.image()
    let colours = [0, 1].map { index in
      drawn.pixel(x: layout.card(index).x, y: layout.card(index).y + 40)
    }
    #expect(colours == [GridTheme.light.accent, GridTheme.light.outline])
    let pill = try imageSquare(of: grid, 0)
    #expect(drawn.pixel(x: pill.x + 10, y: pill.y + 5) == GridTheme.light.accent)
  }

  @Test func `A missing image is a placeholder`() throws {
    let grid = ImageGrid(items: [GridItem(image: nil, title: "lost.png")], theme: .dark)
    let square = try imageSquare(of: grid, 0)
    let drawn = try grid.image()
    #expect(drawn.pixel(x: square.x + 96, y: square.y + 20) == GridTheme.dark.placeholder)
  }

  @Test(arguments: [(1, nil, 1, 1), (5, nil, 5, 1), (11, nil, 5, 3), (11, 4, 4, 3), (3, 8, 3, 1)])
  func `Columns and rows hold all images`(count: Int, asked: Int?, columns: Int, rows: Int) throws {
    let items = [GridItem](repeating: GridItem(image: nil, title: ""), count: count)
    let layout = try GridLayout(ImageGrid(items: items, columns: asked))
    #expect(layout.columns == columns)
    #expect(layout.rows == rows)
  }

  @Test(arguments: [(11, nil, 2, 6, 2), (11, 4, 2, 4, 2), (3, 4, 2, 3, 1), (2, nil, 5, 1, 2)])
  func `Rows bound the grid`(count: Int, columns: Int?, rows: Int, width: Int, height: Int) throws {
    let items = [GridItem](repeating: GridItem(image: nil, title: ""), count: count)
    let grid = ImageGrid(items: items, columns: columns, rows: rows, cellSize: 48)
    let layout = try GridLayout(grid)
    #expect(layout.columns == width && layout.rows == height)
    #expect(layout.count == min(count, width * height))
    #expect(try grid.image().height == layout.height)
  }

  @Test func `The PNG file holds the drawing`() throws {
    let grid = ImageGrid(
      items: [GridItem(image: try plain(9, 9, 0x123456), title: "klein & groß", detail: "0.5")],
      heading: "Überschrift",
      subheading: "two lines",
      cellSize: 48
    )
    #expect(try Image(decoding: grid.pngData()) == grid.image())
  }

  @Test func `What cannot be drawn is refused with the reason`() throws {
    let item = GridItem(image: nil, title: "x")
    let refused: [(ImageGrid, GridError.Code)] = [
      (ImageGrid(items: []), .invalidSize),
      (ImageGrid(items: [item], cellSize: 47), .invalidSize),
      (ImageGrid(items: [item], columns: 0), .invalidSize),
      (ImageGrid(items: [item], rows: 0), .invalidSize),
      (ImageGrid(items: [GridItem](repeating: item, count: 5000), cellSize: 1024), .invalidSize),
    ]
    for (grid, code) in refused {
      let error = #expect(throws: GridError.self) { try grid.image() }
      #expect(error?.code == code)
    }
  }

  @Test func `A font that is missing is named`() throws {
    let error = #expect(throws: GridError.self) { try GridFont(regular: "/nowhere/None.ttf") }
    #expect(error?.description == "/nowhere/None.ttf: cannot be opened as a font")
  }

  @Test func `Threads that open fonts and draw at once do not harm each other`() throws {
    let grid = ImageGrid(items: [GridItem(image: nil, title: "x", detail: "y")], cellSize: 48)
    let outcomes = Mutex<(refusals: Set<String>, drawings: Set<[UInt8]>)>(([], []))
    DispatchQueue.concurrentPerform(iterations: 400) { turn in
      do {
        if turn.isMultiple(of: 2) {
          _ = try GridFont(regular: "/nowhere/\(turn).ttf")
        } else {
          let drawing = try grid.pngData()
          outcomes.withLock { _ = $0.drawings.insert(drawing) }
        }
      } catch {
        outcomes.withLock { _ = $0.refusals.insert("\(error)") }
      }
    }
    let expected = stride(from: 0, to: 400, by: 2).map { "/nowhere/\($0).ttf: cannot be opened as a font" }
    #expect(outcomes.withLock { $0.refusals } == Set(expected))
    #expect(try outcomes.withLock { $0.drawings } == [grid.pngData()])
  }

  private func plain(_ width: Int, _ height: Int, _ hex: UInt32) throws -> Image {
    let colour = RGBColor(hex: hex)
    let pixels = (0..<width * height).flatMap { _ in [colour.red, colour.green, colour.blue] }
    return try Image(width: width, height: height, rgb: pixels)
  }

  private func imageSquare(of grid: ImageGrid, _ index: Int) throws -> Canvas.Rectangle {
    let layout = try GridLayout(grid)
    var square = layout.card(index).inset(layout.padding)
    square.height = square.width
    return square
  }
}

@Suite struct GridFormatTests {
  @Test(arguments: [("a.png", GridFormat.png), ("b/c.JPG", .jpeg), ("x.y.jpeg", .jpeg)])
  func `A file's name announces its format`(path: String, format: GridFormat) throws {
    #expect(try GridFormat(path: path) == format)
  }

  @Test(arguments: ["a.gif", "png", "a", "a.png/b", "", "a.", "b.webp"])
  func `Any other name is refused`(path: String) {
    #expect(throws: GridError.self) { try GridFormat(path: path) }
  }

  @Test func `What is written is what the name says`() throws {
    let grid = ImageGrid(items: [GridItem(image: nil, title: "none")], cellSize: 48)
    #expect(ImageFormat(signatureOf: try grid.data(as: .png)) == .png)
    #expect(ImageFormat(signatureOf: try grid.data(as: .jpeg)) == .jpeg)
  }
}

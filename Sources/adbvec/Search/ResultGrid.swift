import Foundation
import ImageFeatures
import ImageSearch
import PictureGrid
import VectorSQL

/// Draws search results, the query first.
struct ResultGrid {
  let searcher: ImageSearcher
  let finder: PictureFinder
  let columns: Int?

  func write(
    _ hits: [ImageHit],
    request: ImageSearchRequest,
    picture: Picture?,
    to path: String
  ) async throws {
    var items = [try await queryItem(request, picture)].compactMap { $0 }
    items += hits.map { hit in
      GridItem(
        picture: finder.picture(id: hit.id, source: hit.source),
        title: hit.label ?? "id \(hit.id)",
        detail: String(format: "%.4g · id %ld", hit.distance, Int(hit.id))
      )
    }
    let grid = PictureGrid(
      items: items,
      heading: "Nearest pictures by \(searcher.query.metric.title)",
      columns: columns
    )
    try Data(try grid.pngData()).write(to: URL(fileURLWithPath: path), options: .atomic)
  }

  /// A vector alone has no picture to show.
  private func queryItem(_ request: ImageSearchRequest, _ picture: Picture?) async throws -> GridItem? {
    switch request.subject {
    case .vector:
      return picture.map { GridItem(picture: $0, title: "query", isQuery: true) }
    case .id(let id):
      let row = try await searcher.row(id: id)
      let title = row?.label ?? "id \(id)"
      return GridItem(
        picture: finder.picture(id: id, source: row?.source),
        title: title,
        detail: "query · id \(id)",
        isQuery: true
      )
    }
  }
}

import Foundation
import ImageFeatures
import ImageSearch
import ImageGrid
import VectorSQL

/// Draws search results, the query first.
struct ResultGrid {
  let searcher: ImageSearcher
  let finder: ImageFinder
  let options: GridOptions
  let order: ResultOrder

  /// The query and the hits as cells, the query first.
  func items(_ hits: [ImageHit], request: ImageSearchRequest, image: Image?) async throws -> [GridItem] {
    let found = order.sorted(hits).map { hit in
      GridItem(
        image: finder.image(id: hit.id, source: hit.source),
        title: hit.label ?? "id \(hit.id)",
        detail: String(format: "%.4g · id %ld", hit.distance, Int(hit.id))
      )
    }
    return [try await queryItem(request, image)].compactMap { $0 } + found
  }

  /// The cells as one image.
  func grid(_ items: [GridItem]) -> ImageGrid {
    options.grid(items, heading: heading)
  }

  /// The cells as one page, with the SQL that was run.
  func page(_ items: [GridItem], _ answer: ImageSearchAnswer) -> ResultsPage {
    let time = String(format: "%.1f ms", answer.databaseMilliseconds)
    return ResultsPage(title: heading, items: items, sql: answer.sql, facts: [.init("Database", time)])
  }

  private var heading: String { "Nearest images by \(searcher.query.metric.title)" }

  /// A vector alone has no image to show.
  private func queryItem(_ request: ImageSearchRequest, _ image: Image?) async throws -> GridItem? {
    switch request.subject {
    case .vector:
      return image.map { GridItem(image: $0, title: "query", isQuery: true) }
    case .id(let id):
      let row = try await searcher.row(id: id)
      let title = row?.label ?? "id \(id)"
      return GridItem(
        image: finder.image(id: id, source: row?.source),
        title: title,
        detail: "query · id \(id)",
        isQuery: true
      )
    }
  }
}

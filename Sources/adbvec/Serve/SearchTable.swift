import ImageSearch
import PostgresClient
import SearchServer
import VectorSQL

/// The table of images, as the page asks for it.
struct SearchTable: SearchBackend {
  let searcher: ImageSearcher

  func search(_ query: SearchQuery) async throws -> SearchAnswer {
    let subject: ImageSearchRequest.Subject =
      switch query.subject {
      case .id(let id): .id(id)
      case .vector(let vector): .vector(vector)
      }
    let request = ImageSearchRequest(
      subject,
      topK: query.count,
      label: query.label,
      exact: query.exact,
      efSearch: query.efSearch
    )
    return try await translated {
      let answer = try await searcher.search(request)
      return SearchAnswer(
        hits: answer.hits.map {
          .init(CollectionImage(id: $0.id, label: $0.label, source: $0.source), distance: $0.distance)
        },
        sql: answer.sql,
        databaseMilliseconds: answer.databaseMilliseconds
      )
    }
  }

  func image(id: Int64) async throws -> CollectionImage? {
    do {
      return try await translated {
        try await searcher.row(id: id).map { CollectionImage(id: id, label: $0.label, source: $0.source) }
      }
    } catch let error as BackendError where error.code == .notFound {
      return nil
    }
  }

  func sample(_ count: Int, label: String?) async throws -> [CollectionImage] {
    try await translated {
      try await searcher.sample(count, label: label).map {
        CollectionImage(id: $0.id, label: $0.label, source: $0.source)
      }
    }
  }

  func labels() async throws -> [String] {
    try await translated { try await searcher.labels() }
  }

  func checkConnection() async throws {
    try await translated { try await searcher.checkConnection() }
  }

  /// Errors as the person who searches may read them; the server's own stay in the log.
  private func translated<Value>(_ body: () async throws -> Value) async throws -> Value {
    do {
      return try await body()
    } catch let error as PostgresError where error.isForNow {
      throw BackendError(
        .unavailable,
        error.sqlState == "57014"
          ? "the search took longer than this server allows; ask for fewer images, or by the index"
          : "the database does not answer; it is tried again with the next search"
      )
    } catch let error as ImageSearchError where error.code == .noSuchID {
      throw BackendError(.notFound, error.description)
    } catch let error as ImageSearchError where error.code == .badRequest {
      throw BackendError(.invalidSearch, error.description)
    } catch let error as RenderingError {
      throw BackendError(.invalidSearch, "\(error)")
    }
  }
}

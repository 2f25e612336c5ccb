extension ResultView {
  /// A search's answer as the page shows it.
  init(_ result: SearchResult) {
    let hits = result.answer.hits
    let farthest = hits.map { abs($0.distance) }.max() ?? 0
    heading = hits.count == 1 ? "1 image nearest to" : "\(hits.count) images nearest to"
    subject = Self.subject(result)
    options = Self.options(result.options)
    cards = hits.map { CardView($0.image, result.options, distance: $0.distance, farthest: farthest) }
    isEmpty = hits.isEmpty
    sql = result.answer.sql
    timing = TimingView(result.timing, uploadMilliseconds: result.uploadMilliseconds)
  }

  private static func subject(_ result: SearchResult) -> String {
    switch result.subject {
    case .id(let id): result.subjectLabel.map { "\($0) (image \(id))" } ?? "image \(id)"
    case .upload: result.subjectName.flatMap { $0.isEmpty ? nil : $0 } ?? "your image"
    case .vector: "a vector"
    }
  }

  private static func options(_ options: SearchOptions) -> String {
    var parts = [options.exact ? "compared with every image" : "through the index"]
    if let efSearch = options.efSearch, !options.exact { parts.append("ef \(efSearch)") }
    if let label = options.label { parts.append("class \(label) only") }
    return parts.joined(separator: " · ")
  }
}

extension TimingView {
  /// Times in milliseconds, for people. An upload's features were made before the page was asked for.
  init(_ timing: SearchResult.Timing, uploadMilliseconds: Double?) {
    features = Self.text(uploadMilliseconds ?? timing.features)
    database = Self.text(timing.database)
    other = Self.text(max(0, timing.total - timing.features - timing.database))
    total = Self.text(timing.total)
  }

  private static func text(_ milliseconds: Double) -> String {
    Decimals.text(milliseconds, milliseconds < 10 ? 1 : 0)
  }
}

extension CardView {
  /// An image found, or one to start from; its link searches from it with the same options.
  init(_ image: CollectionImage, _ options: SearchOptions, distance: Double? = nil, farthest: Double = 0) {
    link = PageLink.page(.id(image.id), options)
    self.image = "/thumbnails/\(image.id)"
    id = image.id
    label = image.label ?? "no class"
    self.distance = distance.map { Decimals.distance($0) }
    let part = farthest > 0 ? abs(distance ?? 0) / farthest : 0
    share = part.isFinite ? Int((part * 100).rounded()) : 0
  }
}

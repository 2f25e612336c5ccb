/// What the templates are filled with.
struct PageView {
  let title: String
  let assets: String
  let collection: String
  let model: String
  let dimension: Int
  let panel: PanelView
  let result: ResultView?
  let sample: SampleView?
  let failure: FailureView?
}

/// The form.
struct PanelView {
  struct Choice {
    let name: String
    let isChosen: Bool
  }

  let id: String
  let upload: String?
  let queryImage: QueryImageView?
  let k: Int
  let maximumK: Int
  let labels: [Choice]
  let isExact: Bool
  let ef: String
  let maximumEf: Int
  let accept: String
}

/// The image that the search starts from.
struct QueryImageView {
  let image: String
  let full: String?
  let name: String
  let detail: String
}

/// What a search found.
struct ResultView {
  let heading: String
  let subject: String
  let options: String
  let cards: [CardView]
  let isEmpty: Bool
  let sql: String
  let timing: TimingView
}

/// Where the time went.
struct TimingView {
  let features: String
  let database: String
  let other: String
  let total: String
}

/// An image in the grid.
struct CardView {
  let link: String
  let image: String
  let id: Int64
  let label: String
  let distance: String?
  /// The distance beside the largest one, 0…100.
  let share: Int
}

/// Images to start from.
struct SampleView {
  let cards: [CardView]
  let heading: String
  let isEmpty: Bool
}

/// An error.
struct FailureView {
  let heading: String
  let message: String
  let isTemporary: Bool
}

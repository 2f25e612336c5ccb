/// The collection's classes, asked for once a minute at most: the question reads the whole table.
actor LabelMemory {
  private let backend: any SearchBackend
  private var labels: [String] = []
  private var readAt: ContinuousClock.Instant?
  private var reading: Task<[String], any Error>?

  init(backend: any SearchBackend) {
    self.backend = backend
  }

  /// The classes; the last ones known while the database does not answer.
  func known() async -> [String] {
    (try? await current()) ?? labels
  }

  /// The classes.
  /// - Throws: What the backend throws when they were never read.
  func current() async throws -> [String] {
    if let readAt, ContinuousClock.now - readAt < .seconds(60) { return labels }
    let task = reading ?? Task { [backend] in try await backend.labels() }
    reading = task
    defer { reading = nil }
    do {
      labels = try await task.value
      readAt = .now
    } catch {
      if readAt == nil { throw error }
    }
    return labels
  }
}

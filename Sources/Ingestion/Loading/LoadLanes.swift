/// Writes batches on one connection or several. Each connection has one batch to go on with, so that at most one more
/// than twice their number is in memory.
struct LoadLanes {
  let context: LoadContext
  private let lanes: [LoadLane]

  init(_ context: LoadContext) {
    self.context = context
    lanes = (0..<max(context.options.connections, 1)).map { _ in LoadLane(context) }
  }

  /// Connects, while nothing is there to be written yet.
  func open() {
    for lane in lanes { Task { await lane.open() } }
  }

  /// Writes everything that the feed gives.
  /// - Throws: the first failure, after the other connections have stopped; what they committed meanwhile is counted.
  func write(_ first: LoadBatch?, _ feed: inout BatchFeed, _ meter: inout LoadMeter) async throws {
    let failure = await writeAll(first, &feed, &meter)
    await close()
    if let failure { throw failure }
  }

  /// The first failure, or nil.
  private func writeAll(
    _ first: LoadBatch?,
    _ feed: inout BatchFeed,
    _ meter: inout LoadMeter
  ) async -> (any Error)? {
    await withTaskGroup(of: Result<Written, any Error>.self) { group in
      var free = lanes + lanes
      var batch = first
      var failure: (any Error)?

      /// Counts what is written; after a batch that could not be, the others stop.
      func take(_ outcome: Result<Written, any Error>) {
        switch outcome {
        case .success(let written):
          context.report(.progress(meter.add(written.counts, positions: written.positions)))
          free.append(written.lane)
        case .failure(let error):
          failure = failure ?? error
          group.cancelAll()
        }
      }

      while failure == nil, let current = batch {
        if free.isEmpty, let outcome = await group.next() { take(outcome) }
        guard failure == nil else { break }
        let lane = free.removeFirst()
        group.addTask { await written(current, by: lane) }
        do {
          batch = try await feed.next()
        } catch {
          // What was read before the failure is still written.
          failure = error
        }
      }
      while let outcome = await group.next() { take(outcome) }
      return failure
    }
  }

  private func written(_ batch: LoadBatch, by lane: LoadLane) async -> Result<Written, any Error> {
    do {
      let counts = try await lane.write(batch)
      return .success(Written(lane: lane, counts: counts, positions: batch.positions.count))
    } catch {
      return .failure(error)
    }
  }

  private func close() async {
    for lane in lanes { await lane.close() }
  }

  private struct Written: Sendable {
    let lane: LoadLane
    let counts: LoadCounts
    let positions: Int
  }
}

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
  /// - Throws: the first failure, after the other connections have stopped.
  func write(_ first: LoadBatch?, _ feed: inout BatchFeed, _ meter: inout LoadMeter) async throws {
    do {
      try await writeAll(first, &feed, &meter)
    } catch {
      await close()
      throw error
    }
    await close()
  }

  private func writeAll(_ first: LoadBatch?, _ feed: inout BatchFeed, _ meter: inout LoadMeter) async throws {
    try await withThrowingTaskGroup(of: Written.self) { group in
      var free = lanes + lanes
      var batch = first
      var failure: (any Error)?
      while failure == nil, let current = batch {
        if free.isEmpty, let written = try await group.next() { free.append(take(written, &meter)) }
        guard !free.isEmpty else { break }
        let lane = free.removeFirst()
        group.addTask {
          Written(lane: lane, counts: try await lane.write(current), positions: current.positions.count)
        }
        do {
          batch = try await feed.next()
        } catch {
          // What was read before the failure is still written.
          failure = error
        }
      }
      for try await written in group { _ = take(written, &meter) }
      if let failure { throw failure }
    }
  }

  private func take(_ written: Written, _ meter: inout LoadMeter) -> LoadLane {
    context.report(.progress(meter.add(written.counts, positions: written.positions)))
    return written.lane
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

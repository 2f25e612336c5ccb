import Basics
import ImageSources
import Testing

@testable import Ingestion

/// For every subset of batches that is committed before a load is stopped, however often: every row is written once, and the
/// next run finds the load finished.
struct LoadHistoryTests {
  /// A source of numbered rows.
  private struct Rows {
    let count: Int

    /// The batches that a run gives: what `done` holds is passed over.
    func batches(of size: Int, skipping done: DoneRanges) -> [Range<Int>] {
      var batches: [Range<Int>] = []
      var position = done.prefix
      while position < count {
        if let range = done.range(holding: position) {
          position = range.upperBound
          continue
        }
        let end = min(position + size, done.nextDone(from: position) ?? count, count)
        batches.append(position..<end)
        position = end
      }
      return batches
    }
  }

  private static func committed(_ positions: Range<Int>) -> CommittedBatch {
    CommittedBatch(
      positions: positions,
      place: SourcePlace(
        position: positions.upperBound,
        offset: positions.upperBound * 7,
        line: positions.upperBound + 1
      ),
      counts: LoadCounts(loaded: positions.count, skipped: 0, replaced: 0, unreadable: 0)
    )
  }

  @Test(arguments: 0..<20)
  func everyHistoryEndsWithEveryRowOnce(group: Int) throws {
    for seed in 0..<150 {
      var generator = SeededGenerator(seed: UInt64(group * 1000 + seed))
      let source = Rows(count: Int.random(in: 0...400, using: &generator))
      var record = LoadRecord(tableOID: 1, fingerprint: "f", recipe: "", onConflict: .fail)
      var written: [Int] = []
      var runs = 0
      while !record.isFinished {
        runs += 1
        let place = record.place
        #expect(place.position == record.done.prefix && place.offset == place.position * 7)
        let batches = source.batches(of: Int.random(in: 1...60, using: &generator), skipping: record.done)
        // A run that is stopped has committed any subset, in any order; after some runs one goes through.
        let share = runs > 6 ? 1 : Double.random(in: 0...1.2, using: &generator)
        for batch in batches.shuffled(using: &generator)
        where share >= 1 || Double.random(in: 0...1, using: &generator) < share {
          written += batch
          record.add(Self.committed(batch))
        }
        if let whole = record.folded(end: source.count) {
          #expect(whole.counts.loaded == source.count)
          record = LoadRecord(tableOID: 1, fingerprint: "f", recipe: "", onConflict: .fail)
          record.add(whole)
          record.isFinished = true
        } else {
          #expect(Set(written).count < source.count)
        }
      }
      #expect(written.sorted() == Array(0..<source.count))
      #expect(record.place.position == source.count && record.done.count == source.count)
      let again = LoadRecord.Circumstances(
        wanted: .ask,
        tableOID: 1,
        rows: source.count,
        hasUniqueID: false,
        fingerprint: "f",
        recipe: "",
        source: "s",
        expected: source.count
      )
      #expect(try record.continuation(again) == .finished)
    }
  }
}

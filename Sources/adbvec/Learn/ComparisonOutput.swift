import ArgumentParser
import CommandSupport
import Ingestion
import Foundation
import ImageFeatures
import ImageGrid

/// `--format` of `adbvec evaluate`.
enum ComparisonFormat: String, ExpressibleByArgument, CaseIterable {
  case table, json, csv
}

/// A comparison for people, for programs, and as an image.
struct ComparisonOutput {
  private struct Report: Encodable {
    struct Row: Encodable {
      let setting: String
      let model: String?
      let feature: String
      let projection: String?
      let metric: String
      let dimension: Int
      let queries: Int
      let measures: [String: Double]
    }
    let best: String?
    let settings: [Row]
  }

  private let comparison: RetrievalComparison

  init(_ comparison: RetrievalComparison) { self.comparison = comparison }

  func write(_ format: ComparisonFormat, plot: String?) throws {
    try printed(format)
    if let plot { try draw(plot) }
  }

  /// - Throws: `CommandFailure`; the figures are printed by then.
  private func draw(_ path: String) throws {
    let image = Data(try chart.pngData())
    do {
      try image.write(to: URL(fileURLWithPath: path), options: .atomic)
    } catch {
      throw CommandFailure("the plot \(path) cannot be written; name a place where this user may write")
    }
  }

  private func printed(_ format: ComparisonFormat) throws {
    switch format {
    case .json: try JSONReport(command: "evaluate", result: report).print()
    case .csv: print(comparison.csv, terminator: "")
    case .table:
      var table = TextTable(["setting", "numbers"] + comparison.measures.map(\.title))
      for row in comparison.rows {
        let cells = comparison.values(row).map { $0.map { String(format: "%.3f", $0) } ?? "-" }
        table.append([row.setting.name, String(row.result.dimension)] + cells)
      }
      print(table.rendered)
      if let best = comparison.best, comparison.rows.count > 1 {
        print("\nhighest mAP: \(best.setting.name), on \(best.result.fine.queries) queries")
      }
    }
  }

  private var report: Report {
    Report(
      best: comparison.best?.setting.name,
      settings: comparison.rows.map { row in
        let pairs = zip(comparison.measures, comparison.values(row)).compactMap { measure, value in
          value.map { (measure.key, $0) }
        }
        return Report.Row(
          setting: row.setting.name,
          model: row.setting.model,
          feature: String(describing: row.setting.feature),
          projection: row.setting.projection,
          metric: row.setting.metric.rawValue,
          dimension: row.result.dimension,
          queries: row.result.fine.queries,
          measures: Dictionary(uniqueKeysWithValues: pairs)
        )
      }
    )
  }

  /// At most six measures fit a chart: the finer classes' first.
  private var chart: BarChart {
    let count = min(comparison.measures.count, 6)
    return BarChart(
      heading: "Retrieval: the share of right ones",
      measures: comparison.measures.prefix(count).map(\.title),
      groups: comparison.rows.map { row in
        BarChart.Group(
          title: "\(row.setting.name) (\(row.result.dimension))",
          shares: Array(comparison.values(row).prefix(count))
        )
      }
    )
  }
}

import CommandSupport
import Foundation
import ImageSearch

/// Search results as text.
enum ResultText {
  static func table(_ hits: [ImageHit]) -> String {
    var table = TextTable(["id", "class", "distance"])
    for hit in hits {
      table.append([String(hit.id), hit.label ?? "-", String(format: "%.6g", hit.distance)])
    }
    return table.rendered
  }

  /// RFC 4180, with a header; distances in full precision.
  static func csv(_ hits: [ImageHit]) -> String {
    let rows = hits.map { "\($0.id),\(quoted($0.label ?? "")),\($0.distance)\r\n" }
    return "id,class,distance\r\n" + rows.joined()
  }

  private static func quoted(_ field: String) -> String {
    guard field.contains(where: { ",\"\r\n".contains($0) || $0.isNewline }) else { return field }
    return "\"" + field.replacingOccurrences(of: "\"", with: "\"\"") + "\""
  }

  private struct Answer: Encodable {
    let metric: String
    let hits: [ImageHit]
    let databaseMilliseconds: Double
    let sql: String
  }

  static func printJSON(_ answer: ImageSearchAnswer, metric: String) throws {
    let body = Answer(
      metric: metric,
      hits: answer.hits,
      databaseMilliseconds: answer.databaseMilliseconds,
      sql: answer.sql
    )
    try JSONReport(command: "search", result: body).print()
  }
}

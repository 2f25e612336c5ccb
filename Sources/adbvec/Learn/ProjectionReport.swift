import CommandSupport
import ImageFeatures

/// A projection as the commands report it.
struct ProjectionReport: Encodable {
  let file: String
  let inputs: Int
  let outputs: Int
  let normalisesInput: Bool
  let normalisesOutput: Bool
  let provenance: [String: String]

  init(file: String) throws {
    let projection = try Projection(contentsOfFile: file)
    self.file = file
    inputs = projection.inputs
    outputs = projection.outputs
    normalisesInput = projection.normalisesInput
    normalisesOutput = projection.normalisesOutput
    provenance = projection.provenance
  }

  func print(_ command: String, _ format: ReportFormat) throws {
    switch format {
    case .json: try JSONReport(command: command, result: self).print()
    case .text:
      Swift.print("\(file): \(inputs) numbers to \(outputs)")
      for (key, value) in provenance.sorted(by: { $0.key < $1.key }) { Swift.print("  \(key): \(value)") }
    }
  }
}

import Foundation
import MetricLearning

/// Measures retrieval on CIFAR-100: train.bin is the collection, test.bin asks.
///
///     RetrievalTable DATA [CACHE]
///
/// Without CACHE every feature is computed anew. Learned projections see train.bin only.
@main
struct RetrievalTable {
  static func main() throws {
    let arguments = CommandLine.arguments
    guard arguments.count > 1 else {
      print("RetrievalTable DATA [CACHE]")
      return
    }
    let features = try CIFARFeatures(data: arguments[1], cache: arguments.count > 2 ? arguments[2] : nil)
    let table = Table(coarse: features.coarse)
    print(
      "| setting | d | P@1 | P@10 | mAP | R@10 | coarse P@1 | coarse mAP |\n|---|---|---|---|---|---|---|---|"
    )
    for net in ["squeezenet1_1", "efficientnet_lite0"] {
      for kind in ["logits", "pooled", "gem:3", "rmac:3"] {
        let (train, test) = try features.splits(net, kind)
        if kind == "logits" { try table.add("\(net) logits, L2", train, test, .l2) }
        try table.add("\(net) \(kind)", train, test)
      }
      try learned(net, features, table)
    }
  }

  /// Projections of R-MAC features, all fitted on the collection.
  private static func learned(_ net: String, _ features: CIFARFeatures, _ table: Table) throws {
    let kind = "rmac:3"
    let (train, test) = try features.splits(net, kind)
    let mirrored = try features.splits(net, kind, mirrored: true)
    let averaged = (try mean(train, mirrored.train), try mean(test, mirrored.test))
    try table.add("\(net) \(kind), mirror averaged", averaged.0, averaged.1)
    let all = try LabelledVectors(
      dimensions: train.dimensions,
      values: train.values + mirrored.train.values,
      labels: train.labels + mirrored.train.labels
    )
    let outputs = 128
    let projections: [(String, Projection)] = [
      ("PCA \(outputs)", try .principalComponents(of: train, outputs: outputs)),
      ("PCA-whitening \(outputs)", try .principalComponents(of: train, outputs: outputs, whitens: true)),
      ("discriminant \(outputs)", try .discriminant(of: train, outputs: outputs)),
      ("proxies \(outputs)", try ProxyLearning(outputs: outputs).fit(train)),
    ]
    for (name, projection) in projections {
      let name = "\(net) \(kind), \(name)"
      try table.add(name, train.projected(by: projection), test.projected(by: projection))
    }
    for (name, projection) in [
      ("discriminant \(outputs)", try Projection.discriminant(of: all, outputs: outputs)),
      ("proxies \(outputs)", try ProxyLearning(outputs: outputs).fit(all)),
    ] {
      let name = "\(net) \(kind), mirror averaged, \(name)"
      try table.add(name, averaged.0.projected(by: projection), averaged.1.projected(by: projection))
    }
  }

  private static func mean(_ a: LabelledVectors, _ b: LabelledVectors) throws -> LabelledVectors {
    let values = zip(a.values, b.values).map { ($0 + $1) / 2 }
    return try LabelledVectors(dimensions: a.dimensions, values: values, labels: a.labels)
  }
}

struct Table {
  let coarse: (train: [Int], test: [Int])

  func add(
    _ name: String,
    _ train: LabelledVectors,
    _ test: LabelledVectors,
    _ metric: RankingMetric = .cosine
  ) throws {
    let fine = try train.retrievalQuality(of: test, metric: metric)
    let wide = try relabelled(train, coarse.train)
      .retrievalQuality(of: relabelled(test, coarse.test), metric: metric)
    let numbers = [
      fine.precisionAt1, fine.precisionAt10, fine.meanAveragePrecision, fine.recallAt[10] ?? 0,
      wide.precisionAt1, wide.meanAveragePrecision,
    ]
    let cells = numbers.map { String(format: "%.3f", $0) }.joined(separator: " | ")
    print("| \(name) | \(train.dimensions) | \(cells) |")
  }

  private func relabelled(_ vectors: LabelledVectors, _ labels: [Int]) throws -> LabelledVectors {
    try LabelledVectors(dimensions: vectors.dimensions, values: vectors.values, labels: labels)
  }
}

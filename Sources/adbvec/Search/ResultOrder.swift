import ArgumentParser
import ImageSearch

/// In which order a grid or page shows the results.
enum ResultOrder: String, ExpressibleByArgument, CaseIterable {
  case distance, `class`, id

  /// The hits in this order; within a class by distance, as they came.
  func sorted(_ hits: [ImageHit]) -> [ImageHit] {
    switch self {
    case .distance: hits
    case .id: hits.sorted { $0.id < $1.id }
    case .class:
      hits.enumerated().sorted { left, right in
        let (first, second) = (left.element.label ?? "", right.element.label ?? "")
        return first == second ? left.offset < right.offset : first < second
      }.map(\.element)
    }
  }
}

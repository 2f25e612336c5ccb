import ArgumentParser
import ImageSources

/// In which order `images show` draws.
enum ImageOrder: String, ExpressibleByArgument, CaseIterable {
  case given, id, `class`, name

  /// Entries in this order; those that are alike stay as they are.
  func sorted(_ entries: [ImageEntry]) -> [ImageEntry] {
    switch self {
    case .given: entries
    case .id: entries.sorted { $0.id < $1.id }
    case .class: Self.sorted(entries) { $0.label ?? "" }
    case .name: Self.sorted(entries, by: \.name)
    }
  }

  private static func sorted(_ entries: [ImageEntry], by key: (ImageEntry) -> String) -> [ImageEntry] {
    entries.enumerated().sorted { left, right in
      let (first, second) = (key(left.element), key(right.element))
      return first == second ? left.offset < right.offset : first < second
    }.map(\.element)
  }
}

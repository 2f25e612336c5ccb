/// Pillow's antialiasing filters.
public enum Interpolation: String, Sendable, Hashable, CaseIterable {
  /// A triangle of support 1.
  case bilinear
  /// Keys' cubic of support 2 with a = -0.5.
  case bicubic

  var support: Double {
    switch self {
    case .bilinear: 1
    case .bicubic: 2
    }
  }

  func weight(at distance: Double) -> Double {
    let x = abs(distance)
    switch self {
    case .bilinear:
      return x < 1 ? 1 - x : 0
    case .bicubic:
      let a = -0.5
      if x < 1 { return ((a + 2) * x - (a + 3)) * x * x + 1 }
      if x < 2 { return (((x - 5) * x + 8) * x - 4) * a }
      return 0
    }
  }
}

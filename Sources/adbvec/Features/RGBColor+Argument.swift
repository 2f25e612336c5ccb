public import ArgumentParser
public import ImageFeatures

extension RGBColor: ExpressibleByArgument {
  /// `white`, `black` or `#RRGGBB`.
  public init?(argument: String) {
    switch argument.lowercased() {
    case "white": self = .white
    case "black": self = .black
    default:
      guard argument.count == 7, argument.hasPrefix("#"), let hex = UInt32(argument.dropFirst(), radix: 16)
      else {
        return nil
      }
      self.init(hex: hex)
    }
  }
}

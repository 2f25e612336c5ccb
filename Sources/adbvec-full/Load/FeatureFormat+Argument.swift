public import ArgumentParser
public import ImageCollections

extension FeatureSource.Format: ExpressibleByArgument {
  /// The format of that name.
  public init?(argument: String) {
    self.init(argument)
  }
}

public import ArgumentParser
public import ImageSources

extension FeatureSource.Format: ExpressibleByArgument {
  /// The format of that name.
  public init?(argument: String) {
    self.init(argument)
  }
}

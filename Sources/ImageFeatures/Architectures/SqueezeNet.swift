// Iandola et al., "SqueezeNet: AlexNet-level accuracy with 50x fewer parameters", 2016. Tensor names:
// torchvision.

extension Architecture {
  /// SqueezeNet 1.0: 512-d features, 1.2 million parameters.
  public static let squeezeNet1_0 = squeezeNet("squeezenet1_0") { net in
    var x = net.convolution("features.0", net.input, 96, kernel: 7, stride: 2)
    x = net.relu("features.1", x)
    x = net.maxPool("features.2", x, 3, stride: 2, ceiling: true)
    x = net.fire("features.3", x, squeeze: 16, expand: 64)
    x = net.fire("features.4", x, squeeze: 16, expand: 64)
    x = net.fire("features.5", x, squeeze: 32, expand: 128)
    x = net.maxPool("features.6", x, 3, stride: 2, ceiling: true)
    x = net.fire("features.7", x, squeeze: 32, expand: 128)
    x = net.fire("features.8", x, squeeze: 48, expand: 192)
    x = net.fire("features.9", x, squeeze: 48, expand: 192)
    x = net.fire("features.10", x, squeeze: 64, expand: 256)
    x = net.maxPool("features.11", x, 3, stride: 2, ceiling: true)
    return net.fire("features.12", x, squeeze: 64, expand: 256)
  }

  /// SqueezeNet 1.1: as good as 1.0 with 2.4 times less work; the tutorial's network.
  public static let squeezeNet1_1 = squeezeNet("squeezenet1_1") { net in
    var x = net.convolution("features.0", net.input, 64, kernel: 3, stride: 2)
    x = net.relu("features.1", x)
    x = net.maxPool("features.2", x, 3, stride: 2, ceiling: true)
    x = net.fire("features.3", x, squeeze: 16, expand: 64)
    x = net.fire("features.4", x, squeeze: 16, expand: 64)
    x = net.maxPool("features.5", x, 3, stride: 2, ceiling: true)
    x = net.fire("features.6", x, squeeze: 32, expand: 128)
    x = net.fire("features.7", x, squeeze: 32, expand: 128)
    x = net.maxPool("features.8", x, 3, stride: 2, ceiling: true)
    x = net.fire("features.9", x, squeeze: 48, expand: 192)
    x = net.fire("features.10", x, squeeze: 48, expand: 192)
    x = net.fire("features.11", x, squeeze: 64, expand: 256)
    return net.fire("features.12", x, squeeze: 64, expand: 256)
  }

  private static func squeezeNet(
    _ name: String,
    features: @escaping @Sendable (inout GraphBuilder) -> Graph.Value
  ) -> Architecture {
    Architecture(name: name, classifier: "classifier.1.weight") { net in
      let map = features(&net)
      var x = net.convolution("classifier.1", map, net.classes, kernel: 1)
      x = net.relu("classifier.2", x)
      return Graph.Outputs(map: map, logits: net.globalAverage("classifier.3", x))
    }
  }
}

extension GraphBuilder {
  fileprivate mutating func fire(
    _ name: String,
    _ x: Graph.Value,
    squeeze: Int,
    expand: Int
  ) -> Graph.Value {
    var x = convolution(name + ".squeeze", x, squeeze, kernel: 1)
    x = relu(name + ".squeeze_activation", x)
    var narrow = convolution(name + ".expand1x1", x, expand, kernel: 1)
    narrow = relu(name + ".expand1x1_activation", narrow)
    var wide = convolution(name + ".expand3x3", x, expand, kernel: 3, padding: Padding(1))
    wide = relu(name + ".expand3x3_activation", wide)
    return concatenate(name, [narrow, wide])
  }
}

// Simonyan and Zisserman, "Very Deep Convolutional Networks for Large-Scale Image Recognition", 2014. Tensor
// names: torchvision.

extension Architecture {
  /// VGG-11: 512-d features, 132.9 million parameters.
  public static let vgg11 = vgg("vgg11", convolutions: [1, 1, 2, 2, 2], norm: false)

  /// VGG-11 with batch norm.
  public static let vgg11BN = vgg("vgg11_bn", convolutions: [1, 1, 2, 2, 2], norm: true)

  /// VGG-16: 512-d features, 138.4 million parameters.
  public static let vgg16 = vgg("vgg16", convolutions: [2, 2, 3, 3, 3], norm: false)

  /// VGG-16 with batch norm.
  public static let vgg16BN = vgg("vgg16_bn", convolutions: [2, 2, 3, 3, 3], norm: true)

  private static func vgg(_ name: String, convolutions: [Int], norm: Bool) -> Architecture {
    Architecture(name: name, classifier: "classifier.6.weight") { net in
      var layer = 0
      func next() -> String {
        defer { layer += 1 }
        return "features.\(layer)"
      }
      var x = net.input
      for (stage, count) in convolutions.enumerated() {
        for _ in 0..<count {
          x = net.convolution(next(), x, min(64 << stage, 512), kernel: 3, padding: Padding(1))
          if norm { x = net.batchNorm(next(), x) }
          x = net.relu(next(), x)
        }
        x = net.maxPool(next(), x, 2, stride: 2)
      }
      let map = x
      x = net.append("avgpool", .adaptiveAverage(side: 7), [x])
      x = net.append("flatten", .flatten, [x])
      x = net.relu("classifier.1", net.linear("classifier.0", x, 4096))
      x = net.relu("classifier.4", net.linear("classifier.3", x, 4096))
      return Graph.Outputs(map: map, logits: net.linear("classifier.6", x, net.classes))
    }
  }
}

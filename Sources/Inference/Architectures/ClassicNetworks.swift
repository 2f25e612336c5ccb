internal import ImageCodecs

// Iandola et al., "SqueezeNet: AlexNet-level accuracy with 50x fewer parameters", 2016. Tensor names:
// torchvision.

extension Architecture {
  /// SqueezeNet 1.0: 512-d features, 1.2 million parameters.
  public static let squeezeNet1_0 = squeezeNet("squeezenet1_0") { net in
    var x = net.convolution("features.0", net.input, 96, Window(kernel: 7, stride: 2))
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
    var x = net.convolution("features.0", net.input, 64, Window(kernel: 3, stride: 2))
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
      var x = net.convolution("classifier.1", map, net.classes, Window(kernel: 1))
      x = net.relu("classifier.2", x)
      return Graph.Outputs(map: map, logits: net.globalAverage("classifier.3", x))
    }
  }
}

extension Preprocessing {
  /// timm's for ResNet's `a1_in1k` weights: a crop of 95 %, bicubic.
  fileprivate static let timm = Preprocessing(resize: 235, interpolation: .bicubic)
}

extension GraphBuilder {
  fileprivate mutating func fire(
    _ name: String,
    _ x: Graph.Value,
    squeeze: Int,
    expand: Int
  ) -> Graph.Value {
    var x = convolution(name + ".squeeze", x, squeeze, Window(kernel: 1))
    x = relu(name + ".squeeze_activation", x)
    var narrow = convolution(name + ".expand1x1", x, expand, Window(kernel: 1))
    narrow = relu(name + ".expand1x1_activation", narrow)
    var wide = convolution(name + ".expand3x3", x, expand, Window(kernel: 3, padding: Padding(1)))
    wide = relu(name + ".expand3x3_activation", wide)
    return concatenate(name, [narrow, wide])
  }
}

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
          x = net.convolution(next(), x, min(64 << stage, 512), Window(kernel: 3, padding: Padding(1)))
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

// He et al., "Deep Residual Learning for Image Recognition", 2015, with the stride in the 3x3 layer as
// torchvision has it.

extension Architecture {
  /// ResNet-18: 512-d features, 11.7 million parameters.
  public static let resNet18 = resNet("resnet18", blocks: [2, 2, 2, 2], bottleneck: false)

  /// ResNet-34: 512-d features, 21.8 million parameters.
  public static let resNet34 = resNet("resnet34", blocks: [3, 4, 6, 3], bottleneck: false)

  /// ResNet-50: 2048-d features, 25.6 million parameters.
  public static let resNet50 = resNet("resnet50", blocks: [3, 4, 6, 3], bottleneck: true)

  /// ResNet-101: 2048-d features, 44.5 million parameters.
  public static let resNet101 = resNet("resnet101", blocks: [3, 4, 23, 3], bottleneck: true)

  /// timm's ResNet-18 (`a1_in1k`), whose tensors are torchvision's and whose images are resized otherwise.
  public static let timmResNet18 = resNet("resnet18.a1_in1k", blocks: [2, 2, 2, 2], bottleneck: false, .timm)

  /// timm's ResNet-34 (`a1_in1k`).
  public static let timmResNet34 = resNet("resnet34.a1_in1k", blocks: [3, 4, 6, 3], bottleneck: false, .timm)

  /// timm's ResNet-50 (`a1_in1k`).
  public static let timmResNet50 = resNet("resnet50.a1_in1k", blocks: [3, 4, 6, 3], bottleneck: true, .timm)

  /// timm's ResNet-101 (`a1h_in1k`).
  public static let timmResNet101 = resNet(
    "resnet101.a1h_in1k",
    blocks: [3, 4, 23, 3],
    bottleneck: true,
    .timm
  )

  private static func resNet(
    _ name: String,
    blocks: [Int],
    bottleneck: Bool,
    _ preprocessing: Preprocessing = .torchvision
  ) -> Architecture {
    Architecture(name: name, preprocessing: preprocessing, classifier: "fc.weight") { net in
      var x = net.normalised("conv1", "bn1", net.input, 64, kernel: 7, stride: 2)
      x = net.relu("relu", x)
      x = net.maxPool("maxpool", x, 3, stride: 2, padding: 1)
      for (stage, count) in blocks.enumerated() {
        for index in 0..<count {
          let block = "layer\(stage + 1).\(index)"
          let stride = stage > 0 && index == 0 ? 2 : 1
          x = net.residual(block, x, width: 64 << stage, stride: stride, bottleneck: bottleneck)
        }
      }
      let pooled = net.globalAverage("avgpool", x)
      return Graph.Outputs(map: x, logits: net.linear("fc", pooled, net.classes))
    }
  }
}

extension GraphBuilder {
  fileprivate mutating func normalised(
    _ name: String,
    _ norm: String,
    _ x: Graph.Value,
    _ outputs: Int,
    kernel: Int,
    stride: Int = 1
  ) -> Graph.Value {
    let x = convolution(
      name,
      x,
      outputs,
      Window(kernel: kernel, stride: stride, padding: Padding(kernel / 2)),
      bias: false
    )
    return batchNorm(norm, x)
  }

  fileprivate mutating func residual(
    _ name: String,
    _ input: Graph.Value,
    width: Int,
    stride: Int,
    bottleneck: Bool
  ) -> Graph.Value {
    let outputs = bottleneck ? 4 * width : width
    var shortcut = input
    if stride != 1 || shape(of: input).channels != outputs {
      let down = name + ".downsample"
      shortcut = normalised(down + ".0", down + ".1", input, outputs, kernel: 1, stride: stride)
    }
    let kernels = bottleneck ? [1, 3, 1] : [3, 3]
    // The stride is in the first 3x3 layer.
    let strided = bottleneck ? 1 : 0
    var x = input
    for (index, kernel) in kernels.enumerated() {
      let last = index == kernels.count - 1
      x = normalised(
        "\(name).conv\(index + 1)",
        "\(name).bn\(index + 1)",
        x,
        last ? outputs : width,
        kernel: kernel,
        stride: index == strided ? stride : 1
      )
      if !last { x = relu("\(name).relu\(index + 1)", x) }
    }
    return relu(name, add(name + ".add", x, shortcut))
  }
}

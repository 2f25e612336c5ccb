internal import ImageCodecs

// Sandler et al., "MobileNetV2: Inverted Residuals and Linear Bottlenecks", 2018. Tensor names: torchvision.

extension Architecture {
  /// MobileNetV2: 1280-d features, 3.5 million parameters.
  public static let mobileNetV2 = Architecture(name: "mobilenet_v2", classifier: "classifier.1.weight") {
    net in
    var x = net.normalised("features.0", net.input, 32, kernel: 3, stride: 2)
    var block = 1
    for (expansion, outputs, repeats, stride) in [
      (1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2),
      (6, 320, 1, 1),
    ] {
      for index in 0..<repeats {
        x = net.invertedResidual(
          "features.\(block)",
          x,
          outputs,
          stride: index == 0 ? stride : 1,
          expansion: expansion
        )
        block += 1
      }
    }
    let map = net.normalised("features.18", x, 1280, kernel: 1)
    let pooled = net.globalAverage("avgpool", map)
    return Graph.Outputs(map: map, logits: net.linear("classifier.1", pooled, net.classes))
  }
}

extension GraphBuilder {
  /// Convolution, batch norm and ReLU6, named NAME.0, NAME.1 and NAME.
  fileprivate mutating func normalised(
    _ name: String,
    _ x: Graph.Value,
    _ outputs: Int,
    kernel: Int,
    stride: Int = 1,
    depthwise: Bool = false
  ) -> Graph.Value {
    let padding = Padding(kernel / 2)
    let x = convolution(
      name + ".0",
      x,
      outputs,
      Window(kernel: kernel, stride: stride, padding: padding),
      depthwise: depthwise,
      bias: false
    )
    return relu6(name, batchNorm(name + ".1", x))
  }

  fileprivate mutating func invertedResidual(
    _ name: String,
    _ input: Graph.Value,
    _ outputs: Int,
    stride: Int,
    expansion: Int
  ) -> Graph.Value {
    let inputs = shape(of: input).channels
    let expanded = inputs * expansion
    var x = input
    var part = 0
    if expansion != 1 {
      x = normalised("\(name).conv.0", x, expanded, kernel: 1)
      part = 1
    }
    x = normalised("\(name).conv.\(part)", x, expanded, kernel: 3, stride: stride, depthwise: true)
    x = convolution("\(name).conv.\(part + 1)", x, outputs, Window(kernel: 1), bias: false)
    x = batchNorm("\(name).conv.\(part + 2)", x)
    return stride == 1 && inputs == outputs ? add(name, x, input) : x
  }
}

// Tan and Le, "EfficientNet", 2019, without squeeze-and-excitation and with ReLU6 (tensorflow/tpu,
// efficientnet/lite). Tensor names: the PyTorch ports. Padding is TensorFlow's SAME for the network's own
// input size.

extension Architecture {
  /// EfficientNet-Lite0: 1280-d features, 4.7 million parameters, 224 x 224.
  public static let efficientNetLite0 = efficientNetLite("efficientnet_lite0", size: 224, width: 1, depth: 1)

  /// EfficientNet-Lite1: 240 x 240.
  public static let efficientNetLite1 = efficientNetLite(
    "efficientnet_lite1",
    size: 240,
    width: 1,
    depth: 1.1
  )

  /// EfficientNet-Lite2: 260 x 260.
  public static let efficientNetLite2 = efficientNetLite(
    "efficientnet_lite2",
    size: 260,
    width: 1.1,
    depth: 1.2
  )

  private static func efficientNetLite(_ name: String, size: Int, width: Double, depth: Double)
    -> Architecture
  {
    let preprocessing = Preprocessing(resize: size + 32, crop: size, normalization: .centred)
    return Architecture(name: name, preprocessing: preprocessing, classifier: "_fc.weight") { net in
      var x = net.samePadded("_conv_stem", net.input, 32, kernel: 3, stride: 2)
      x = net.relu6("_swish", net.batchNorm("_bn0", x, epsilon: 1e-3))
      var block = 0
      for stage in stages {
        let outputs = rounded(stage.outputs, width)
        for index in 0..<stage.repeats(depth) {
          x = net.invertedResidual(
            "_blocks.\(block)",
            x,
            outputs,
            kernel: stage.kernel,
            stride: index == 0 ? stage.stride : 1,
            expansion: stage.expansion
          )
          block += 1
        }
      }
      x = net.convolution("_conv_head", x, 1280, Window(kernel: 1), bias: false)
      let map = net.relu6("features", net.batchNorm("_bn1", x, epsilon: 1e-3))
      let pooled = net.globalAverage("_avg_pooling", map)
      return Graph.Outputs(map: map, logits: net.linear("_fc", pooled, net.classes))
    }
  }

  private struct Stage {
    var blocks: Int
    var kernel: Int
    var stride: Int
    var expansion: Int
    var outputs: Int
    /// The first and the last stage keep their length.
    var scales = true

    func repeats(_ depth: Double) -> Int {
      scales ? Int((Double(blocks) * depth).rounded(.up)) : blocks
    }
  }

  private static let stages = [
    Stage(blocks: 1, kernel: 3, stride: 1, expansion: 1, outputs: 16, scales: false),
    Stage(blocks: 2, kernel: 3, stride: 2, expansion: 6, outputs: 24),
    Stage(blocks: 2, kernel: 5, stride: 2, expansion: 6, outputs: 40),
    Stage(blocks: 3, kernel: 3, stride: 2, expansion: 6, outputs: 80),
    Stage(blocks: 3, kernel: 5, stride: 1, expansion: 6, outputs: 112),
    Stage(blocks: 4, kernel: 5, stride: 2, expansion: 6, outputs: 192),
    Stage(blocks: 1, kernel: 3, stride: 1, expansion: 6, outputs: 320, scales: false),
  ]

  /// The nearest multiple of eight, not more than a tenth below.
  private static func rounded(_ channels: Int, _ width: Double) -> Int {
    let wanted = Double(channels) * width
    let nearest = max(8, Int(wanted + 4) / 8 * 8)
    return Double(nearest) < 0.9 * wanted ? nearest + 8 : nearest
  }
}

extension GraphBuilder {
  /// A convolution with TensorFlow's SAME padding: the odd pixel goes below and to the right.
  fileprivate mutating func samePadded(
    _ name: String,
    _ x: Graph.Value,
    _ outputs: Int,
    kernel: Int,
    stride: Int,
    depthwise: Bool = false
  ) -> Graph.Value {
    let length = shape(of: x).height
    let positions = (length + stride - 1) / stride
    let total = max((positions - 1) * stride + kernel - length, 0)
    let padding = Padding(before: total / 2, after: total - total / 2)
    return convolution(
      name,
      x,
      outputs,
      Window(kernel: kernel, stride: stride, padding: padding),
      depthwise: depthwise,
      bias: false
    )
  }

  fileprivate mutating func invertedResidual(
    _ name: String,
    _ input: Graph.Value,
    _ outputs: Int,
    kernel: Int,
    stride: Int,
    expansion: Int
  ) -> Graph.Value {
    let inputs = shape(of: input).channels
    let expanded = inputs * expansion
    var x = input
    if expansion != 1 {
      x = convolution(name + "._expand_conv", x, expanded, Window(kernel: 1), bias: false)
      x = relu6(name + "._expand_relu", batchNorm(name + "._bn0", x, epsilon: 1e-3))
    }
    x = samePadded(
      name + "._depthwise_conv",
      x,
      expanded,
      kernel: kernel,
      stride: stride,
      depthwise: true
    )
    x = relu6(name + "._depthwise_relu", batchNorm(name + "._bn1", x, epsilon: 1e-3))
    x = convolution(name + "._project_conv", x, outputs, Window(kernel: 1), bias: false)
    x = batchNorm(name + "._bn2", x, epsilon: 1e-3)
    return stride == 1 && inputs == outputs ? add(name, x, input) : x
  }
}

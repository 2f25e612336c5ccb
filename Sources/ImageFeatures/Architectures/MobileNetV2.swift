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
      kernel: kernel,
      stride: stride,
      padding: padding,
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
    let inputs = extent(of: input).channels
    let expanded = inputs * expansion
    var x = input
    var part = 0
    if expansion != 1 {
      x = normalised("\(name).conv.0", x, expanded, kernel: 1)
      part = 1
    }
    x = normalised("\(name).conv.\(part)", x, expanded, kernel: 3, stride: stride, depthwise: true)
    x = convolution("\(name).conv.\(part + 1)", x, outputs, kernel: 1, bias: false)
    x = batchNorm("\(name).conv.\(part + 2)", x)
    return stride == 1 && inputs == outputs ? add(name, x, input) : x
  }
}

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

  private static func resNet(_ name: String, blocks: [Int], bottleneck: Bool) -> Architecture {
    Architecture(name: name, classifier: "fc.weight") { net in
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
      kernel: kernel,
      stride: stride,
      padding: Padding(kernel / 2),
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
    if stride != 1 || extent(of: input).channels != outputs {
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

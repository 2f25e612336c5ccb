import Basics
import CFeatureKernels
import Foundation
import MetricLearning
import Testing

@testable import Inference

/// The kernels that work on rows, in every form that this machine runs, beside their definitions.
struct RowKernelTests {
  private func values(_ count: Int, seed: UInt64) -> [Float] {
    var generator = SeededGenerator(seed: seed)
    return (0..<count).map { _ in Float.random(in: -6...6, using: &generator) }
  }

  private func difference(_ left: [Float], _ right: [Double]) -> Double {
    zip(left, right).map { abs(Double($0) - $1) / max(abs($1), 1) }.max() ?? 0
  }

  @Test(arguments: KernelSet.available.map(\.name), [1, 7, 8, 63, 192])
  func softmaxAgreesWithItsDefinition(name: String, length: Int) throws {
    let kernels = try #require(KernelSet.available.first { $0.name == name })
    let x = values(3 * length, seed: 1)
    var y = x
    kernels.table.softmax(3, length, &y, length, 0.5)
    for row in 0..<3 {
      let powers = x[row * length..<(row + 1) * length].map { exp(0.5 * Double($0)) }
      let sum = powers.reduce(0, +)
      #expect(difference(Array(y[row * length..<(row + 1) * length]), powers.map { $0 / sum }) < 1e-5)
    }
  }

  @Test(arguments: KernelSet.available.map(\.name), [1, 7, 8, 63, 192])
  func geluAgreesWithItsDefinition(name: String, length: Int) throws {
    let kernels = try #require(KernelSet.available.first { $0.name == name })
    let x = values(length, seed: 2)
    var y = x
    kernels.table.gelu(length, &y)
    #expect(difference(y, x.map { Double($0) / 2 * (1 + erf(Double($0) / 2.squareRoot())) }) < 1e-5)
  }

  @Test(arguments: KernelSet.available.map(\.name), [2, 7, 8, 63, 192])
  func layerNormAgreesWithItsDefinition(name: String, length: Int) throws {
    let kernels = try #require(KernelSet.available.first { $0.name == name })
    let (x, scale, shift) = (values(2 * length, seed: 3), values(length, seed: 4), values(length, seed: 5))
    var y = [Float](repeating: 0, count: 2 * length)
    kernels.table.layer_norm(2, length, x, length, scale, shift, 1e-6, &y, length)
    for row in 0..<2 {
      let part = x[row * length..<(row + 1) * length].map(Double.init)
      let mean = part.reduce(0, +) / Double(length)
      let variance = part.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(length)
      let expected = part.indices.map {
        (part[$0] - mean) / (variance + 1e-6).squareRoot() * Double(scale[$0]) + Double(shift[$0])
      }
      #expect(difference(Array(y[row * length..<(row + 1) * length]), expected) < 1e-4)
    }
  }

  @Test(arguments: KernelSet.available.map(\.name), [1, 2, 3])
  func powerSumAgreesWithItsDefinition(name: String, power: Int) throws {
    let kernels = try #require(KernelSet.available.first { $0.name == name })
    let (height, width, channels) = (3, 5, 19)
    let x = values(height * width * channels, seed: 6)
    let map = cfk_map(height, width, channels)
    var sums = [Float](repeating: 1, count: channels)
    kernels.table.power_sum(map, x, 0.5, Int32(power), &sums)
    let expected = (0..<channels).map { channel in
      (0..<height * width).reduce(1.0) {
        $0 + pow(max(Double(x[$1 * channels + channel]), 0.5), Double(power))
      }
    }
    #expect(difference(sums, expected) < 1e-5)
  }

  /// Kernels and strides with a loop of their own, and others.
  @Test(
    arguments: KernelSet.available.map(\.name),
    [(3, 1), (3, 2), (5, 1), (5, 2), (1, 1), (3, 3), (4, 2), (7, 1)]
  )
  func depthwiseAgreesWithItsDefinition(name: String, window: (kernel: Int, stride: Int)) throws {
    let kernels = try #require(KernelSet.available.first { $0.name == name })
    let (height, width, channels, kernel, stride) = (9, 17, 21, window.kernel, window.stride)
    let padding = kernel / 2
    let x = values(height * width * channels, seed: 6)
    let weights = values(kernel * kernel * channels, seed: 7)
    let bias = values(channels, seed: 8)
    let map = cfk_map(height, width, channels)
    let form = cfk_window(kernel: kernel, stride: stride, pad_top: padding, pad_left: padding)
    let outputs = (width + 2 * padding - kernel) / stride + 1
    for row in 0..<(height + 2 * padding - kernel) / stride + 1 {
      var y = [Float](repeating: 0, count: outputs * channels)
      kernels.table.depthwise_row(
        map,
        x,
        form,
        weights,
        bias,
        Int32(CFK_IDENTITY),
        row,
        outputs,
        &y,
        channels
      )
      let expected = (0..<outputs * channels).map { index -> Double in
        let (column, channel) = (index / channels, index % channels)
        var sum = Double(bias[channel])
        for ky in 0..<kernel {
          for kx in 0..<kernel {
            let (from, across) = (row * stride - padding + ky, column * stride - padding + kx)
            guard (0..<height).contains(from), (0..<width).contains(across) else { continue }
            sum +=
              Double(x[(from * width + across) * channels + channel])
              * Double(weights[(ky * kernel + kx) * channels + channel])
          }
        }
        return sum
      }
      #expect(difference(y, expected) < 1e-4)
    }
  }
}

extension cfk_map {
  /// A map whose rows and pixels lie side by side.
  fileprivate init(_ height: Int, _ width: Int, _ channels: Int) {
    self.init(
      height: height,
      width: width,
      channels: channels,
      pixel_stride: channels,
      row_stride: width * channels
    )
  }
}

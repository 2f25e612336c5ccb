internal import CFeatureKernels

/// A rectangle of a map's places.
struct Region: Sendable, Hashable {
  var top: Int
  var left: Int
  var height: Int
  var width: Int
}

extension Place {
  /// The part of the map inside a region.
  private func map(of region: Region) -> (map: cfk_map, offset: Int) {
    var part = map
    part.height = region.height
    part.width = region.width
    return (part, offset + region.top * rowStride + region.left * pixelStride)
  }

  /// The mean over a region of max(x, floor)^power, channel by channel; power is 1, 2 or 3.
  func powerMean(
    of region: Region,
    power: Int32,
    floor: Float,
    arena: UnsafeMutablePointer<Float>,
    kernels: KernelSet,
    to means: UnsafeMutablePointer<Float>
  ) {
    let (part, offset) = map(of: region)
    means.update(repeating: 0, count: extent.channels)
    kernels.table.power_sum(part, arena + offset, floor, power, means)
    let count = Float(region.height * region.width)
    for channel in 0..<extent.channels { means[channel] /= count }
  }

  /// The largest value of each channel in a region.
  func maximum(
    of region: Region,
    arena: UnsafeMutablePointer<Float>,
    kernels: KernelSet,
    to largest: UnsafeMutablePointer<Float>
  ) {
    let (part, offset) = map(of: region)
    let window = cfk_window(kernel: max(region.height, region.width), stride: 1, pad_top: 0, pad_left: 0)
    kernels.table.max_pool_row(part, arena + offset, window, 0, 1, largest, extent.channels)
  }
}

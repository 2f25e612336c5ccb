internal import CFeatureKernels

/// Where a value lies in a session's arena.
struct Place: Sendable, Hashable {
  var extent: Extent
  /// Floats from the arena's start to the first pixel's first channel.
  var offset: Int
  /// Floats from one pixel to the next; more than the channels when the value is part of a wider one.
  var pixelStride: Int
  /// Floats from one row to the next; more than the pixels when the map has zeros around it.
  var rowStride: Int

  init(extent: Extent, offset: Int, pixelStride: Int, rowStride: Int? = nil) {
    self.extent = extent
    self.offset = offset
    self.pixelStride = pixelStride
    self.rowStride = rowStride ?? pixelStride * extent.width
  }

  var map: cfk_map {
    cfk_map(
      height: extent.height,
      width: extent.width,
      channels: extent.channels,
      pixel_stride: pixelStride,
      row_stride: rowStride
    )
  }
}

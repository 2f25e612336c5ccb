extension Image {
  /// The image turned and flipped upright from an EXIF orientation (1...8; any other number changes nothing).
  public func oriented(_ orientation: Int) -> Image {
    guard (2...8).contains(orientation) else { return self }
    let swapsSides = orientation >= 5
    let newWidth = swapsSides ? height : width
    let newHeight = swapsSides ? width : height
    let upright = [UInt8](unsafeUninitializedCapacity: rgb.count) { target, count in
      for y in 0..<newHeight {
        for x in 0..<newWidth {
          let source = sourceIndex(x: x, y: y, orientation) * 3
          let index = (y * newWidth + x) * 3
          for channel in 0..<3 { target[index + channel] = rgb[source + channel] }
        }
      }
      count = rgb.count
    }
    return Image(trustedWidth: newWidth, height: newHeight, rgb: upright)
  }

  /// Where the upright image's pixel (x, y) is stored.
  private func sourceIndex(x: Int, y: Int, _ orientation: Int) -> Int {
    let right = width - 1
    let bottom = height - 1
    switch orientation {
    case 2: return y * width + right - x
    case 3: return (bottom - y) * width + right - x
    case 4: return (bottom - y) * width + x
    case 5: return x * width + y
    case 6: return (bottom - x) * width + y
    case 7: return (bottom - x) * width + right - y
    default: return x * width + right - y
    }
  }
}

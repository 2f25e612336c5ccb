/// iTerm2's inline images: one OSC 1337 with a PNG file in base64.
enum ITermImage {
  static func sequence(png: [UInt8], columns: Int) -> String {
    "\u{1B}]1337;File=inline=1;size=\(png.count);width=\(columns);preserveAspectRatio=1:\(Base64.encode(png))\u{07}\n"
  }
}

/// kitty's graphics protocol: a PNG file in base64, in pieces of at most 4096 characters.
enum KittyGraphics {
  static func sequence(png: [UInt8], columns: Int) -> String {
    let payload = Array(Base64.encode(png).utf8)
    var sequence = ""
    var start = 0
    repeat {
      let end = min(start + 4096, payload.count)
      let more = end < payload.count ? 1 : 0
      let keys = start == 0 ? "a=T,f=100,q=2,c=\(columns),m=\(more)" : "q=2,m=\(more)"
      sequence += "\u{1B}_G\(keys);\(String(decoding: payload[start..<end], as: UTF8.self))\u{1B}\\"
      start = end
    } while start < payload.count
    return sequence + "\n"
  }
}

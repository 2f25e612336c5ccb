internal import NIOCore

/// The messages that the sandbox itself sends.
enum ServerMessage {
  /// ErrorResponse with severity FATAL; the connection ends behind it.
  static func fatal(sqlState: String, message: String, hint: String) -> ByteBuffer {
    let fields: [(UInt8, String)] = [
      (UInt8(ascii: "S"), "FATAL"), (UInt8(ascii: "V"), "FATAL"), (UInt8(ascii: "C"), sqlState),
      (UInt8(ascii: "M"), message), (UInt8(ascii: "H"), hint),
    ]
    var body = ByteBuffer()
    for (name, value) in fields {
      body.writeInteger(name)
      body.writeNullTerminatedString(value)
    }
    body.writeInteger(UInt8(0))
    var buffer = ByteBuffer()
    buffer.writeInteger(UInt8(ascii: "E"))
    buffer.writeInteger(Int32(body.readableBytes + 4))
    buffer.writeBuffer(&body)
    return buffer
  }

  /// The client's Terminate, sent in its place when the sandbox shuts down.
  static let terminate = ByteBuffer(bytes: [UInt8(ascii: "X"), 0, 0, 0, 4])
}

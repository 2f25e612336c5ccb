internal import Glibc

/// Finds a TCP port on loopback that nobody listens on.
enum FreePort {
  /// The preferred port when it is free, else one that the system gives.
  static func find(preferred: Int?) -> Int {
    if let preferred, let port = bind(to: preferred) { return port }
    return bind(to: 0) ?? 5432
  }

  /// Binds and lets go again; nil when the port is taken.
  private static func bind(to port: Int) -> Int? {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(truncatingIfNeeded: port).bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let bound = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
        Glibc.bind(descriptor, generic, size) == 0 && getsockname(descriptor, generic, &size) == 0
      }
    }
    return bound ? Int(in_port_t(bigEndian: address.sin_port)) : nil
  }
}

internal import Glibc
internal import LocalPostgres

/// The account that the server runs as.
struct ServerAccount: Sendable, Hashable {
  let name: String
  let userID: uid_t
  let groupID: gid_t
  /// Whether this process must give up root to become it.
  let isDropped: Bool

  /// The user itself; for root, which PostgreSQL refuses, an unprivileged account made for it or found.
  /// - Throws: `PrivateServerError` with code `noAccount`.
  static func current() throws -> ServerAccount {
    let user = geteuid()
    if user != 0 {
      return ServerAccount(name: name(of: user), userID: user, groupID: getegid(), isDropped: false)
    }
    for name in ["adbvec", "postgres", "nobody"] {
      guard let entry = getpwnam(name)?.pointee else { continue }
      return ServerAccount(name: name, userID: entry.pw_uid, groupID: entry.pw_gid, isDropped: true)
    }
    throw PrivateServerError(
      code: .noAccount,
      description: "PostgreSQL refuses to run as root and there is no account adbvec, postgres or nobody; "
        + "make one: useradd --system adbvec"
    )
  }

  private static func name(of user: uid_t) -> String {
    getpwuid(user)?.pointee.pw_name.map { String(cString: $0) } ?? String(user)
  }
}

/// Where `scripts/bootstrap` and the command keep what they fetched.
public enum CacheFolders {
  /// The folders to look in, the user's own choice first.
  public static func candidates(_ environment: [String: String]) -> [String] {
    var folders = ["/var/cache/adbvec"]
    if let home = environment["HOME"] { folders.insert(home + "/.cache/adbvec", at: 0) }
    if let cache = environment["XDG_CACHE_HOME"] { folders.insert(cache + "/adbvec", at: 0) }
    if let cache = environment["ADBVEC_CACHE"] { folders.insert(cache, at: 0) }
    return folders
  }
}

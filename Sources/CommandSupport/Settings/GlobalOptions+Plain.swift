extension GlobalOptions: PlainlyReadable {
  package static var plain: GlobalOptions {
    var options = GlobalOptions()
    options.databaseUrl = nil
    options.dialect = nil
    options.table = nil
    options.config = nil
    options.quiet = false
    options.verbose = false
    return options
  }

  package mutating func setFlag(_ name: String) -> Bool {
    switch name {
    case "--quiet", "-q": quiet = true
    case "--verbose", "-v": verbose = true
    default: return false
    }
    return true
  }

  package mutating func setOption(_ name: String, _ value: String) -> Bool {
    switch name {
    case "--database-url": databaseUrl = value
    case "--dialect": dialect = value
    case "--table": table = value
    case "--config": config = value
    default: return false
    }
    return true
  }
}

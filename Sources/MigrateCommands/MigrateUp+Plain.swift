import CommandSupport
import Migrations

extension MigrateUp: PlainlyReadable {
  package static var plain: MigrateUp {
    var command = MigrateUp()
    command.to = nil
    command.count = nil
    command.dryRun = false
    command.run = .plain
    command.options = .plain
    return command
  }

  package mutating func setFlag(_ name: String) -> Bool {
    if name == "--dry-run" {
      dryRun = true
      return true
    }
    return run.setFlag(name) || options.setFlag(name)
  }

  package mutating func setOption(_ name: String, _ value: String) -> Bool {
    switch name {
    case "--to": to = value
    case "--count":
      guard let number = Int(value) else { return false }
      count = number
    default: return run.setOption(name, value) || options.setOption(name, value)
    }
    return true
  }
}

extension MigrateRunOptions: PlainlyReadable {
  package static var plain: MigrateRunOptions {
    var options = MigrateRunOptions()
    options.lockWait = nil
    options.lock = .automatic
    options.lockTimeout = nil
    options.attempts = nil
    options.allowOutOfOrder = false
    options.ignoreDrift = false
    return options
  }

  package mutating func setFlag(_ name: String) -> Bool {
    switch name {
    case "--allow-out-of-order": allowOutOfOrder = true
    case "--ignore-drift": ignoreDrift = true
    default: return false
    }
    return true
  }

  package mutating func setOption(_ name: String, _ value: String) -> Bool {
    switch name {
    case "--lock-wait": lockWait = value
    case "--lock-timeout": lockTimeout = value
    case "--lock":
      guard let kind = MigratorOptions.Lock(rawValue: value) else { return false }
      lock = kind
    case "--attempts":
      guard let number = Int(value) else { return false }
      attempts = number
    default: return false
    }
    return true
  }
}

extension MigrateOptions: PlainlyReadable {
  package static var plain: MigrateOptions {
    var options = MigrateOptions()
    options.migrations = nil
    options.set = []
    options.historyTable = nil
    options.format = .text
    options.global = .plain
    return options
  }

  package mutating func setFlag(_ name: String) -> Bool { global.setFlag(name) }

  package mutating func setOption(_ name: String, _ value: String) -> Bool {
    switch name {
    case "--migrations": migrations = value
    case "--set": set.append(value)
    case "--history-table": historyTable = value
    case "--format":
      guard let chosen = ReportFormat(rawValue: value) else { return false }
      format = chosen
    default: return global.setOption(name, value)
    }
    return true
  }
}

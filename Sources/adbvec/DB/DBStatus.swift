import ArgumentParser
import CommandSupport
import LocalPostgres

/// `adbvec db status`: exit code 0 when it runs, 1 when it does not.
struct DBStatus: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "status",
    abstract: "Say whether the private server runs; exit code 1 when it does not."
  )

  @OptionGroup var options: DBOptions

  @Option(help: "text or json.")
  var format = ReportFormat.text

  private struct Report: Encodable {
    let state: String
    let folder: String
    var pid: Int32?
    var port: Int?
    var url: String?
  }

  mutating func run() async throws {
    let report = report(of: options.server)
    switch format {
    case .json: try JSONReport(command: "db status", result: report).print()
    case .text:
      print(
        [report.state, report.pid.map { "pid \($0)" }, report.url, report.folder].compactMap { $0 }
          .joined(separator: "  ")
      )
    }
    if report.state != "running" { throw ExitCode(1) }
  }

  private func report(of server: PrivateServer) -> Report {
    let folder = server.home.path
    return switch server.status {
    case .running(let running):
      Report(state: "running", folder: folder, pid: running.pid, port: running.port, url: running.url())
    case .stopped: Report(state: "stopped", folder: folder)
    case .absent: Report(state: "absent", folder: folder)
    }
  }
}

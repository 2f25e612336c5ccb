import LocalPostgres

enum ServerBinariesFolder {
  static func find() throws -> String {
    try ServerBinaries.find(chosen: nil, environment: Environment.variables).folder
  }
}

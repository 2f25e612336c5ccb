// The loader alone, as a program that can be killed and measured: loading-probe load|unload URL TABLE FILE [option=value …]
import EmbeddingPipeline
import Foundation
import ImageCollections
import PostgresClient
import VectorSQL

let arguments = CommandLine.arguments
guard arguments.count >= 5 else {
  FileHandle.standardError.write(
    Data("usage: loading-probe load|unload URL TABLE FILE [option=value …]\n".utf8)
  )
  exit(64)
}
let target = LoadTarget(table: try QualifiedName(validating: arguments[3]))
let settings = ConnectionSettings(url: arguments[2])
var options = LoadOptions()
var labels: String?
for argument in arguments.dropFirst(5) {
  let parts = argument.split(separator: "=", maxSplits: 1).map(String.init)
  switch (parts[0], parts.last ?? "") {
  case ("method", let name):
    options.method = LoadOptions.Method.all.first { $0.description == name } ?? .automatic
  case ("conflict", let name): options.onConflict = LoadOptions.ConflictPolicy(rawValue: name) ?? .fail
  case ("batch", let count): options.batchRows = Int(count)
  case ("connections", let count): options.connections = Int(count) ?? 1
  case ("continue", let name): options.continuation = LoadOptions.Continuation(rawValue: name) ?? .ask
  case ("indexes", let name): options.indexes = LoadOptions.IndexPolicy(rawValue: name) ?? .automatic
  case ("rate", let rate): options.rateLimit = Double(rate)
  case ("retries", let count): options.retries = Int(count) ?? 0
  case ("timeout", let seconds): options.batchTimeout = Double(seconds).map { .seconds($0) }
  case ("analyze", let answer): options.analyzes = answer != "no"
  case ("labels", let path): labels = path
  default:
    FileHandle.standardError.write(Data("unknown option \(argument)\n".utf8))
    exit(64)
  }
}

let path = arguments[4]
do {
  if arguments[1] == "unload" {
    let count = try await Unloader(settings: settings, target: target).run {
      try FeatureOutput.open(path, format: nil)
    }
    print("unloaded \(count)")
  } else {
    let loader = Loader(settings: settings, target: target, options: options)
    let source = FileBatchSource(FeatureSource(path: path, labels: labels))
    let report = try await loader.run(source)
    print(
      "loaded \(report.counts.loaded) skipped \(report.counts.skipped) finished-before \(report.wasFinished)"
    )
  }
} catch {
  FileHandle.standardError.write(Data("\(error)\n".utf8))
  exit(1)
}

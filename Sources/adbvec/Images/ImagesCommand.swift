import ArgumentParser

/// `adbvec images …`: a collection, looked at.
struct ImagesCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "images",
    abstract: "Look at the images of a collection.",
    subcommands: [ImagesShow.self]
  )
}

import ArgumentParser
import Keyval
import Wire

struct PutCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "put", abstract: "Store a value under a key.",
    discussion: """
      Everything after the command's name is taken literally, dashes too, but for --level=LEVEL right behind it: \
      secured waits for a second memory or the database, durable for the database's disk, memory for nothing.
      """)

  @OptionGroup var write: WriteOptions
  @Argument(help: "The key: 1 to 1024 bytes.") var key: ByteArgument
  @Argument(help: "The value, byte for byte; - reads it from standard input.") var value: ByteArgument

  func run() async throws {
    try check(key)
    var bytes = value.bytes
    if value.meansStandardInput {
      guard let read = try await StandardInput.readAll(limit: Limits.maximumValueLength) else {
        throw Failure(status: .usage, sentence: CommandLimits.complaint(aboutValueOf: .max) ?? "")
      }
      bytes = read
    }
    if let complaint = CommandLimits.complaint(aboutValueOf: bytes.count) {
      throw Failure(status: .usage, sentence: complaint)
    }
    try await OneShot.run(.put(key: key.bytes, value: bytes), level: write.level)
  }
}

struct GetCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "get", abstract: "Write the value of a key.",
    discussion: "Byte for byte; on a terminal a newline follows.")

  @Argument(help: "The key: 1 to 1024 bytes.") var key: ByteArgument

  func run() async throws {
    try check(key)
    try await OneShot.run(.get(key: key.bytes))
  }
}

struct DelCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "del", abstract: "Delete a key.", discussion: "Takes --level=LEVEL as put does.")

  @OptionGroup var write: WriteOptions
  @Argument(help: "The key: 1 to 1024 bytes.") var key: ByteArgument

  func run() async throws {
    try check(key)
    try await OneShot.run(.delete(key: key.bytes), level: write.level)
  }
}

struct LocateCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "locate", abstract: "Say a key's slot, its owner and the owner's address.")

  @Argument(help: "The key: 1 to 1024 bytes.") var key: ByteArgument

  func run() async throws {
    try check(key)
    try await OneShot.run(.locate(key: key.bytes))
  }
}

/// What a write has to reach before it is done.
struct WriteOptions: ParsableArguments {
  @Option(help: "secured, durable or memory; by default what the cluster is configured for.")
  var level: AcknowledgementLevel?
}

extension AcknowledgementLevel: ExpressibleByArgument {
  public init?(argument: String) { self.init(name: argument) }
  public static var allValueStrings: [String] { allCases.map(\.name) }
}

private func check(_ key: ByteArgument) throws {
  if let complaint = CommandLimits.complaint(aboutKey: key.bytes) {
    throw Failure(status: .usage, sentence: complaint)
  }
}

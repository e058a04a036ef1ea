import ArgumentParser
import Cluster
import Node

struct AccessCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "access", abstract: "Look at an access list before the authority does.",
    discussion: """
      A list is lines of PRINCIPAL-PATTERN OPERATIONS [KEY-PREFIX]; the first line that fits decides, and what no \
      line fits is denied. The authority's configuration names the file (‘access’); a change is in force within \
      seconds, without a restart.
      """,
    subcommands: [Check.self, Explain.self])

  struct Check: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Say what is wrong with a list, or how many lines it has.")

    @Argument(help: "The file.") var file: String

    func run() throws {
      let count = try AccessCommand.read(file).lines.count
      try StandardOutput().write(result: Array("\(count) line\(count == 1 ? "" : "s")\n".utf8))
    }
  }

  struct Explain: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Say which line decides for each operation of a principal.",
      discussion: "Without a key it lists the lines that may decide, in their order.")

    @Argument(help: "The file.") var file: String
    @Argument(help: "Whose rights, such as bob@KEYVAL.EXAMPLE.") var principal: String
    @Argument(help: "The key that the operations are asked for.") var key: ByteArgument?

    func run() throws {
      let principal = try Principal(principal)
      let explanation = AccessExplanation(try AccessCommand.read(file), of: principal, key: key?.bytes)
      try StandardOutput().write(result: Array(explanation.text.utf8))
    }
  }

  /// - Throws: `NodeError` when there is no such file, `Failure` for what it says.
  private static func read(_ file: String) throws -> AccessList {
    // Only looked at: the authority is who must not believe just anybody's.
    let text = try NodeFiles.unexaminedContents(of: file, maximum: AccessList.maximumLength)
    do {
      return try AccessList(parsing: text)
    } catch {
      throw Failure(status: .badData, sentence: "\(file): \(error)")
    }
  }
}

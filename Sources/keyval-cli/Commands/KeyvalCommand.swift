import ArgumentParser
import Glibc
import LocalTrust
import Node

@main
struct KeyvalCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "keyval",
    abstract: "An in-memory key-value store whose only notion of identity is a Kerberos principal.",
    discussion: """
      Exit status: 0 done; 1 the key was not found; 2 no ticket (standard error shows the kinit line to type); \
      64 wrong usage; anything else is a failure that standard error explains.
      """,
    version: NodeVersion.text,
    groupedSubcommands: [
      CommandGroup(
        name: "Keys and values:",
        subcommands: [
          PutCommand.self, GetCommand.self, DelCommand.self, LocateCommand.self, ShellCommand.self,
        ]),
      CommandGroup(
        name: "What is there:",
        subcommands: [
          StatusCommand.self, HelloCommand.self, SessionCommand.self, AcceptLossCommand.self,
          BenchCommand.self,
        ]),
      CommandGroup(name: "On one machine:", subcommands: [DemoCommand.self, ClusterCommand.self]),
      CommandGroup(
        name: "Realms, keys of nodes, who belongs, rights:",
        subcommands: [RealmCommand.self, EnrollCommand.self, NodeCommand.self, AccessCommand.self]),
      CommandGroup(name: "Who did what:", subcommands: [AuditCommand.self]),
      CommandGroup(
        name: "One node:", subcommands: [AuthorityCommand.self, DatabaseCommand.self, DroneCommand.self]),
    ])

  static func main() async {
    // A reader that goes away is an error of the write, not the end of a process with a cluster to take down.
    signal(SIGPIPE, SIG_IGN)
    // Before any key, ticket or password is read.
    for refusal in ProcessProtection.begin() {
      StandardOutput().write(remark: "keyval is less protected than it should be: \(refusal)")
    }
    do {
      try OpenFiles.require()
      var command = try parseAsRoot(protectingDashes(RawArguments.ofThisProcess.texts))
      if var command = command as? any AsyncParsableCommand {
        try await command.run()
      } else {
        try command.run()
      }
    } catch {
      end(with: error)
    }
  }

  /// Keys and values may begin with a dash (`keyval put balance -5`), and the commands that take them know no
  /// options but help and, right behind the name, `--level=`: what follows their name is meant literally, unless the caller says `--` himself.
  static func protectingDashes(_ arguments: [String]) -> [String] {
    guard let verb = arguments.first, ["put", "get", "del", "locate"].contains(verb), arguments.count > 1,
      !["-h", "--help", "-help", "--version"].contains(arguments[1]), !arguments.contains("--")
    else { return arguments }
    if let option = arguments.dropFirst().first, option.hasPrefix("--level=") {
      return [verb, option, "--"] + arguments.dropFirst(2)
    }
    return [verb, "--"] + arguments.dropFirst()
  }

  /// Errors of the argument parser keep its ways (help, usage, 64); any other is a sentence and its status.
  private static func end(with error: any Error) -> Never {
    if error is ExitCode || exitCode(for: error) != .failure { exit(withError: error) }
    let failure = Failure(error)
    StandardOutput().write(remark: failure.sentence)
    Glibc.exit(failure.status.rawValue)
  }
}

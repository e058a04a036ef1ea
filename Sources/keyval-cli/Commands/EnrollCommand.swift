import ArgumentParser
import Kerberos
import Provisioning

struct EnrollCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "enroll", abstract: "Give a node its own key, the way kinit gives a person a ticket.",
    discussion: """
      The operator: keyval enroll new keyval-drone/d4 --realm-directory DIR, which prints a one-time password. \
      On the node: keyval enroll keyval-drone/d4, which asks for it and writes the keytab.
      """,
    subcommands: [Complete.self, New.self], defaultSubcommand: Complete.self)

  /// The node's side.
  struct Complete: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "complete", abstract: "Turn a one-time password into a keytab (on the node).")

    @Argument(help: "The node's principal, such as keyval-drone/d4.") var principal: String
    @Option(help: "The keytab to write, for its owner only; by default NODE.keytab here.") var keytab: String?

    func run() async throws {
      let password = try await PasswordPrompt.ask("One-time password for \(principal): ")
      let path = keytab ?? "\(EnrollCommand.nodeName(of: principal)).keytab"
      try Enrollment.complete(principal: principal, password: password, keytabPath: path)
      StandardOutput().write(remark: "\(principal) is enrolled; its key is in \(path).")
    }
  }

  /// The operator's side.
  struct New: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Create a node's principal with a one-time password, and print the password.",
      discussion: """
        On the realm's machine with --realm-directory; or over the network, for drones, with the authority's \
        keytab (--keytab, --as).
        """)

    @Argument(help: "The new node: keyval-drone/NAME or keyval-database/NAME.") var principal: String
    @Option(help: "The realm's directory, on the machine of its KDC.") var realmDirectory: String?
    @Option(help: "The keytab of a principal that may create nodes.") var keytab: String?
    @Option(name: .customLong("as"), help: "That principal, such as keyval-authority/a1.") var administrator:
      String?
    @Option(help: "Seconds until the password is worth nothing, 1 to 86400.") var expires = 600

    func validate() throws {
      guard (1...86_400).contains(expires) else {
        throw ValidationError("--expires takes 1 to 86400 seconds")
      }
      guard (realmDirectory != nil) != (keytab != nil && administrator != nil) else {
        throw ValidationError("give either --realm-directory, or --keytab and --as")
      }
      let components = principal.split(separator: "@")[0].split(
        separator: "/", omittingEmptySubsequences: false)
      guard components.count == 2, ["keyval-drone", "keyval-database"].contains(components[0]) else {
        throw ValidationError(
          "‘\(principal)’ is no node that enrolls: keyval-drone/NAME or keyval-database/NAME")
      }
    }

    func run() async throws {
      let password = OneTimePassword.generate()
      if let realmDirectory {
        let realm = try Realm.open(
          directory: realmDirectory, owner: LocalOperations.owner(of: realmDirectory))
        let node = EnrollCommand.nodeName(of: principal)
        if principal.hasPrefix("keyval-database/") {
          try realm.addDatabase(node: node, oneTimePassword: password, expiresIn: expires)
        } else {
          try realm.addDrone(node: node, oneTimePassword: password, expiresIn: expires)
        }
      } else if let keytab, let administrator {
        try Kadmin(keytab: keytab, principal: administrator).createNode(
          principal: principal, oneTimePassword: password, expiresIn: Int64(expires))
      }
      let output = StandardOutput()
      output.write(remark: "Within \(expires) seconds, on the node: keyval enroll \(principal)")
      if principal.hasPrefix("keyval-database/") {
        let command = "keyval-command/\(EnrollCommand.nodeName(of: principal))"
        output.write(remark: "and, with the same password, into the same keytab: keyval enroll \(command)")
      }
      try output.write(result: Array("\(password)\n".utf8))
    }
  }

  /// `d4` of `keyval-drone/d4@REALM`.
  static func nodeName(of principal: String) -> String {
    let name = principal.split(separator: "@").first ?? ""
    return name.split(separator: "/").last.map(String.init) ?? "node"
  }
}

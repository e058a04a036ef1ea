import ArgumentParser
import Cluster
import Kerberos
import Keyval
import Node
import Provisioning

struct EnrollCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "enroll", abstract: "Give a node its own key, the way kinit gives a person a ticket.",
    discussion: """
      The operator: keyval enroll new keyval-drone/d4, which prints a one-time password. \
      On the node: keyval enroll keyval-drone/d4, which asks for it and writes the keytab.
      """,
    subcommands: [Complete.self, New.self, Confirm.self, Rotate.self], defaultSubcommand: Complete.self)

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
        Asks the authority, with your ticket: you must be among its administrators. The authority enrolls drones; \
        a database is enrolled on the machine of the KDC, with --realm-directory.
        """)

    @Argument(help: "The new node: keyval-drone/NAME or keyval-database/NAME.") var principal: String
    @Option(help: "The authority's principal; by default the one in the client configuration.") var authority:
      String?
    @Option(help: "The authority's host:port; by default the one in the client configuration.") var address:
      String?
    @Option(help: "Do it on the machine of the KDC, in the realm's directory, without the authority.")
    var realmDirectory: String?

    func validate() throws {
      let components = EnrollCommand.name(of: principal).split(
        separator: "/", omittingEmptySubsequences: false)
      guard components.count == 2, ["keyval-drone", "keyval-database"].contains(components[0]) else {
        throw ValidationError(
          "‘\(principal)’ is no node that enrolls: keyval-drone/NAME or keyval-database/NAME")
      }
    }

    func run() async throws {
      let (password, seconds) =
        if let realmDirectory { try createBesideTheKDC(realmDirectory) } else { try await askAuthority() }
      let output = StandardOutput()
      output.write(remark: "Within \(seconds) seconds, on the node: keyval enroll \(principal)")
      if principal.hasPrefix("keyval-database/") {
        let command = "keyval-command/\(EnrollCommand.nodeName(of: principal))"
        output.write(remark: "and, with the same password, into the same keytab: keyval enroll \(command)")
        output.write(remark: "Then, here: keyval enroll confirm \(principal) --realm-directory DIR")
      }
      try output.write(result: Array("\(password)\n".utf8))
    }

    private func createBesideTheKDC(_ directory: String) throws -> (password: String, seconds: UInt64) {
      let realm = try Realm.open(directory: directory, owner: LocalOperations.owner(ofRealm: directory))
      try EnrollCommand.requireRealm(of: principal, toBe: realm.name)
      let node = EnrollCommand.nodeName(of: principal)
      let password = OneTimePassword.generate()
      if principal.hasPrefix("keyval-database/") {
        try realm.addDatabase(node: node, oneTimePassword: password)
      } else {
        try realm.addDrone(node: node, oneTimePassword: password)
      }
      return (password, 600)
    }

    private func askAuthority() async throws -> (password: String, seconds: UInt64) {
      let known = try AuthorityContact.find(principal: authority, address: address)
      let realm = known.node.principal.realm
      try EnrollCommand.requireRealm(of: principal, toBe: realm)
      let node = try Cluster.Principal("\(EnrollCommand.name(of: principal))@\(realm)")
      let credential = try known.ticket()
      let invitation = try await EnrollmentClient(
        cluster: known.cluster, authority: known.node, standby: known.standby, credential: credential
      ).invite(node)
      return (invitation.password, invitation.secondsToLive)
    }
  }

  /// What the authority does for drones by itself.
  struct Confirm: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Let an enrolled database's principals live beyond their one-time password (at the KDC).")

    @Argument(help: "The database: keyval-database/NAME.") var principal: String
    @Option(help: "The realm's directory, on the machine of the KDC.") var realmDirectory: String

    func validate() throws {
      guard principal.hasPrefix("keyval-database/") else {
        throw ValidationError("‘\(principal)’ is no database; drones are confirmed by the authority")
      }
    }

    func run() async throws {
      let realm = try Realm.open(
        directory: realmDirectory, owner: LocalOperations.owner(ofRealm: realmDirectory))
      try EnrollCommand.requireRealm(of: principal, toBe: realm.name)
      let node = EnrollCommand.nodeName(of: principal)
      try realm.clearExpiry(of: ["keyval-database/\(node)", "keyval-command/\(node)"])
    }
  }

  /// The node's side, later.
  struct Rotate: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Give a node a further key (on the node); a running node takes it up by itself.",
      discussion: """
        The old key stays in the keytab, so sessions and tickets that began under it go on to their end. Repeat it \
        for each principal of the keytab: a database has two.
        """)

    @Argument(help: "The node's principal, such as keyval-drone/d4.") var principal: String
    @Option(help: "The node's keytab; by default NODE.keytab here.") var keytab: String?

    func run() throws {
      let path = keytab ?? "\(EnrollCommand.nodeName(of: principal)).keytab"
      try Enrollment.rotate(principal: principal, keytabPath: path)
      StandardOutput().write(remark: "\(principal) has a new key; it and the old one are in \(path).")
    }
  }

  /// A name without a realm is of this one.
  /// - Throws: `ValidationError` when the text names another realm: that node is nobody's here, and least of all the
  ///   one of ours that has the same name.
  static func requireRealm(of principal: String, toBe realm: String) throws {
    let parts = principal.split(separator: "@", maxSplits: 1, omittingEmptySubsequences: false)
    guard parts.count < 2 || parts[1] == realm else {
      throw ValidationError(
        "‘\(principal)’ is of another realm than this cluster, which is \(realm); nothing was changed")
    }
  }

  /// Without the realm.
  static func name(of principal: String) -> String {
    principal.split(separator: "@").first.map(String.init) ?? ""
  }

  /// `d4` of `keyval-drone/d4@REALM`.
  static func nodeName(of principal: String) -> String {
    name(of: principal).split(separator: "/").last.map(String.init) ?? "node"
  }
}

import ArgumentParser
import Cluster
import Kerberos
import Node

/// Who belongs to the cluster: asked of the authority, with the caller's own ticket.
struct NodeCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "node", abstract: "See which nodes belong to the cluster, and remove one.",
    subcommands: [List.self, Remove.self])

  struct Authority: ParsableArguments {
    @Option(help: "The authority's principal; by default the one in the client configuration.") var authority:
      String?
    @Option(help: "The authority's host:port; by default the one in the client configuration.") var address:
      String?

    func client() throws -> (client: MembershipClient, realm: String) {
      let known = try AuthorityContact.find(principal: authority, address: address)
      let client = MembershipClient(
        cluster: known.cluster, authority: known.node, standby: known.standby,
        credential: try known.ticket())
      return (client, known.node.principal.realm)
    }
  }

  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "List the nodes that belong to the cluster, and those that were removed.",
      discussion: "Asks the authority, with your ticket: you must be among its administrators.")

    @OptionGroup var authority: Authority

    func run() async throws {
      let answer = try await authority.client().client.nodes()
      try StandardOutput().write(result: Array(NodeReport.text(answer).utf8))
    }
  }

  struct Remove: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Remove a node from the cluster: everybody refuses it and closes what it has open.",
      discussion: """
        Asks the authority, with your ticket: you must be among its administrators. The node's tickets and its \
        keytab are worth nothing to the cluster from then on, but its principal is still in the realm: delete that at \
        the KDC (kadmin.local delprinc). To bring a node back, do so first, and then keyval enroll new. Tickets of \
        the old time live on for up to 8 hours: where a node was stolen, give the new one another name.

        Elections need a majority of all drones that the commander may count, a removed one too, until a commander \
        is known to count without it. If the process is off for good, --dead says so, and it counts at once: this is \
        how a cluster that has lost the majority of its drones for ever elects again. Never say --dead of a drone \
        that may still run somewhere, cut off from the others: two drones could then serve one key.
        """)

    @Argument(help: "The node: keyval-drone/NAME or keyval-database/NAME; NAME alone is a drone.")
    var node: String
    @Flag(help: "You assert that its process is off for good.") var dead = false
    @OptionGroup var authority: Authority

    func validate() throws {
      guard Self.name(node) != nil else {
        throw ValidationError(
          "‘\(node)’ is no node that can be removed: keyval-drone/NAME or keyval-database/NAME")
      }
    }

    /// Without the realm, with the role.
    static func name(_ text: String) -> String? {
      let name = EnrollCommand.name(of: text)
      let components = name.split(separator: "/", omittingEmptySubsequences: false)
      switch components.count {
      case 1 where !name.isEmpty: return "keyval-drone/\(name)"
      case 2 where ["keyval-drone", "keyval-database"].contains(components[0]) && !components[1].isEmpty:
        return name
      default: return nil
      }
    }

    /// - Throws: `ValidationError` when the text names another realm: that node is nobody's here.
    static func principal(_ text: String, of realm: String) throws -> Cluster.Principal {
      try EnrollCommand.requireRealm(of: text, toBe: realm)
      return try Cluster.Principal("\(name(text) ?? text)@\(realm)")
    }

    func run() async throws {
      let (client, realm) = try authority.client()
      let principal = try Self.principal(node, of: realm)
      let (version, isPending) = try await client.remove(principal, isDead: dead)
      StandardOutput().write(remark: Self.sentence(principal, version, isPending: isPending))
    }

    static func sentence(_ node: Cluster.Principal, _ version: UInt64, isPending: Bool) -> String {
      let done = "\(node) is removed: membership \(version) is without it, and everybody refuses it."
      return isPending
        ? done
          + " Elections still need a majority of the drones of before too, until a commander counts without it;"
          + " ‘keyval node list’ shows it as pending as long."
        : done + " No election takes account of it any more."
    }
  }
}

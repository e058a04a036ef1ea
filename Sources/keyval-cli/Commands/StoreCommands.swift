import ArgumentParser
import Cluster
import Node

extension DatabaseCommand {
  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "List the databases' stores as the cluster knows them, and those that are held.",
      discussion: """
        A store is held when it is not the one that the cluster knows, or is behind it: nobody is served from it until \
        it is accepted, or the right one is put in its place. Asks the authority, with your ticket: you must be among \
        its administrators.
        """)

    @OptionGroup var authority: NodeCommand.Authority

    func run() async throws {
      let answer = try await authority.client().client.stores()
      try StandardOutput().write(result: Array(StoresReport.text(answer).utf8))
    }
  }

  struct Accept: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Accept a store that is new, foreign or behind: what it lacks is lost.",
      discussion: """
        Without --store it changes nothing and says what would be lost. With it, exactly that store is what the \
        cluster goes on with. Before you accept one, see whether the right file is only in another place: a mount that \
        is missing, a directory that was moved. Asks the authority, with your ticket: you must be among its \
        administrators.
        """)

    @Argument(help: "The database: keyval-database/NAME, or NAME alone.") var database: String
    @Option(help: "The store to accept, IDENTITY/COMMIT, as keyval database accept NAME shows it.") var store:
      String?
    @OptionGroup var authority: NodeCommand.Authority

    func validate() throws {
      if let store, StoresReport.mark(store) == nil {
        throw ValidationError("‘\(store)’ is no store: 32 hexadecimal digits, a slash, a number")
      }
    }

    func run() async throws {
      let (client, realm) = try authority.client()
      try EnrollCommand.requireRealm(of: database, toBe: realm)
      let name = EnrollCommand.name(of: database)
      let principal = try Cluster.Principal(
        "\(name.contains("/") ? name : "keyval-database/\(name)")@\(realm)")
      if let mark = store.flatMap(StoresReport.mark) {
        try await client.accept(mark, of: principal)
        return StandardOutput().write(remark: "\(mark) is what \(principal) goes on with.")
      }
      guard let standing = try await client.stores().stores.first(where: { $0.database == principal }) else {
        throw Failure(status: .unavailable, sentence: "no database \(principal) has ever shown a store")
      }
      try StandardOutput().write(result: Array((StoresReport.loss(standing) + "\n").utf8))
    }
  }
}

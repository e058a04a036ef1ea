import ArgumentParser
import Glibc
import LocalCluster
import Provisioning

struct RealmCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "realm", abstract: "A Kerberos realm of Keyval's own.", subcommands: [Create.self])

  struct Create: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Make a realm's directory: configuration, database, election CA, the authority's keytab.",
      discussion: """
        No daemon is started; the lines to start krb5kdc and kadmind are printed at the end. Run this on the KDC's \
        machine, as the user that the daemons will run as; or as root, and name that user, and another one for \
        the authority: then nobody but the authority reads the key of the election CA.
        """)

    @Argument(help: "The realm's name, upper case by custom, such as KEYVAL.EXAMPLE.") var realm: String
    @Option(help: "Where everything goes; must not hold a realm yet.") var directory: String
    @Option(help: "The IPv4 address that the daemons listen on.") var host = "127.0.0.1"
    @Option(help: "The KDC's port.") var kdcPort: UInt16 = 8800
    @Option(help: "kadmind's port.") var kadmindPort: UInt16 = 8749
    @Option(help: "The password service's port.") var kpasswdPort: UInt16 = 8464
    @Option(help: "The node name of the authority, as in keyval-authority/a1.") var authority = "a1"
    @Option(help: "By how many seconds clocks may differ, 1 to 300.") var clockSkew = 30
    @Option(help: "As whom krb5kdc and kadmind will run: a name or a number; for root only.") var daemonUser:
      String?
    @Option(help: "As whom the authority will run: a name or a number; for root only.") var authorityUser:
      String?

    func run() async throws {
      let output = StandardOutput()
      let made = try ClusterDirectory(creating: directory)
      let settings = RealmSettings(
        realm: realm, host: host, ports: RealmPorts(kdc: kdcPort, kadmind: kadmindPort, kpasswd: kpasswdPort),
        authority: authority, clockSkew: clockSkew)
      let owner = try daemonUser.map { try UnixUser($0) } ?? .current
      let realm = try RealmCreation.create(
        settings, directory: made.path, owner: owner,
        authorityOwner: try authorityUser.map { try UnixUser($0) }
      ) {
        output.write(remark: "  …     \($0)")
      }
      let layout = realm.layout
      output.write(
        remark: """
          The realm \(realm.name) stands in \(layout.directory). Its daemons:
            export KRB5_CONFIG=\(layout.serverConfiguration) KRB5_KDC_PROFILE=\(layout.kdcProfile)
            krb5kdc -n -r \(realm.name)
            kadmind -nofork -r \(realm.name)
          Nodes and clients use KRB5_CONFIG=\(layout.clientConfiguration). For the authority:
            principal \(realm.authorityPrincipal), keytab \(layout.authorityKeytab)
            election CA \(layout.anchors), its key \(layout.electionCAKey)
            membership key \(layout.membershipPublicKey), its private half \(layout.membershipKey)
          """)
    }
  }
}

/// Where everything of a realm stands, below one directory:
///
///     realm.conf            the realm's settings
///     krb5.conf             KRB5_CONFIG of nodes and clients
///     election-ca.pem       the election CA's certificate, everybody's anchor
///     membership.pem        the public key that membership lists are signed with, for all nodes
///     kdc/                  for the daemons' user only: configuration, database, certificate and key, logs
///     authority/            for the authority's user only: its keytab, the election CA's key and the key that
///                           signs membership lists
public struct RealmLayout: Sendable, Equatable {
  /// Absolute.
  public let directory: String

  public var settings: String { "\(directory)/realm.conf" }
  public var clientConfiguration: String { "\(directory)/krb5.conf" }
  public var anchors: String { "\(directory)/election-ca.pem" }

  public var membershipPublicKey: String { "\(directory)/membership.pem" }

  public var kdcDirectory: String { "\(directory)/kdc" }
  public var serverConfiguration: String { "\(kdcDirectory)/krb5.conf" }
  public var kdcProfile: String { "\(kdcDirectory)/kdc.conf" }
  public var administrationList: String { "\(kdcDirectory)/kadm5.acl" }
  public var kdcCertificate: String { "\(kdcDirectory)/kdc.pem" }
  public var kdcKey: String { "\(kdcDirectory)/kdc.key" }
  public var kdcLog: String { "\(kdcDirectory)/krb5kdc.log" }
  public var kadmindLog: String { "\(kdcDirectory)/kadmind.log" }
  /// What the daemons say before they open their logs.
  public var kdcOutput: String { "\(kdcDirectory)/krb5kdc.out" }
  public var kadmindOutput: String { "\(kdcDirectory)/kadmind.out" }

  /// Where the authority's key lies on its way from kadmin.local, which is the daemons' user's.
  var keytabDraft: String { "\(kdcDirectory)/authority.keytab.new" }

  public var authorityDirectory: String { "\(directory)/authority" }
  public var authorityKeytab: String { "\(authorityDirectory)/authority.keytab" }
  public var electionCAKey: String { "\(authorityDirectory)/election-ca.key" }
  public var membershipKey: String { "\(authorityDirectory)/membership.key" }

  public init(directory: String) { self.directory = directory }

  /// The environment of the realm's daemons and tools.
  var serverEnvironment: [String: String] {
    [
      "KRB5_CONFIG": serverConfiguration, "KRB5_KDC_PROFILE": kdcProfile, "LC_ALL": "C",
      "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
    ]
  }

  /// The environment of nodes and clients.
  public var clientEnvironment: [String: String] { ["KRB5_CONFIG": clientConfiguration] }
}

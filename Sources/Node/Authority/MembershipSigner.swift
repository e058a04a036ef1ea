import Cluster
import Cryptography

/// The one place where the membership key is used. It signs nothing but membership lists.
struct MembershipSigner: Sendable {
  private let key: P256PrivateKey

  /// - Throws: `NodeError` when the key is unusable, or `membership` names another key's public half.
  init(
    _ configuration: NodeConfiguration, _ settings: NodeConfiguration.AuthoritySettings
  ) throws(NodeError) {
    let path = settings.membershipKeyPath
    let text = String(
      decoding: try NodeFiles.contents(of: path, key: "membership-key", .secret, maximum: 1 << 20),
      as: UTF8.self)
    do throws(CryptographyError) {
      key = try P256PrivateKey(pem: text)
    } catch {
      throw .unusableFile(
        path: path, key: "membership-key", problem: "holds no usable private key: \(error)",
        remedy: "Name the file ‘membership.key’ that was made with the realm.")
    }
    let verifier = MembershipVerifier(key: key.publicKey, cluster: configuration.cluster)
    guard verifier == (try configuration.membershipVerifier()) else {
      throw .unusableFile(
        path: configuration.membershipPath, key: "membership",
        problem: "is not the public half of \(path)",
        remedy: "Name two files that belong together; nobody would believe what this authority signs.")
    }
  }

  func sign(_ list: MembershipList) throws(CryptographyError) -> SignedMembership {
    try SignedMembership(list, key: key)
  }
}

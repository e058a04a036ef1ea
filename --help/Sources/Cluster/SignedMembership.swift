import Cryptography
import Wire

/// A membership list as it travels and as nodes keep it: the very bytes that were signed, and the signature by
/// the authority's membership key. That key is not the election CA's, which signs nothing but offices: what is
/// on a list can then never make a commander.
public struct SignedMembership: Hashable, Sendable {
  /// Every list fits: 1,024 members of at most 258 bytes each, and a name.
  public static let maximumBodyLength = 320 << 10
  static let maximumSignatureLength = 256
  /// Prefixed to the body before signing, so that no signature of the key means two things.
  static let context = [UInt8]("keyval/1 membership\0".utf8)

  public let body: [UInt8]
  public let signature: [UInt8]

  public init(body: [UInt8], signature: [UInt8]) {
    self.body = body
    self.signature = signature
  }

  public init(_ list: MembershipList, key: P256PrivateKey) throws(CryptographyError) {
    let body = list.encoded()
    self.init(body: body, signature: try key.sign(Self.context + body))
  }
}

extension SignedMembership: WireMessage {
  public func encode(into writer: inout CBORWriter) {
    writer.beginArray(2)
    writer.write(bytes: body)
    writer.write(bytes: signature)
  }

  public init(from reader: inout CBORReader) throws(CBORError) {
    try reader.readArrayHeader(exactly: 2)
    self.init(
      body: try reader.readByteArray(maximum: Self.maximumBodyLength),
      signature: try reader.readByteArray(maximum: Self.maximumSignatureLength))
  }
}

/// Decides which membership lists to believe: those of our cluster that are signed with the key that the node's
/// configuration names. It is a value without I/O, so that cores may hold one.
public struct MembershipVerifier: Hashable, Sendable {
  private let key: P256PublicKey
  private let cluster: String

  public init(key: P256PublicKey, cluster: String) {
    self.key = key
    self.cluster = cluster
  }

  /// - Parameter known: the list that the caller goes by; one that is older, or another of its version, is
  ///   refused.
  /// - Throws: `MembershipError`, the fault of who sent the list, or of a wrong key in the configuration.
  public func verify(
    _ signed: SignedMembership, known: MembershipList? = nil
  ) throws(MembershipError) -> MembershipList {
    guard key.verify(signature: signed.signature, over: SignedMembership.context + signed.body) else {
      throw .badSignature
    }
    let list: MembershipList
    do throws(CBORError) {
      list = try MembershipList.decode(signed.body)
    } catch {
      throw .malformed(error)
    }
    guard list.cluster == cluster else { throw .otherCluster(list.cluster) }
    if let known, list.version < known.version || list.version == known.version && list != known {
      throw .old(list.version, known: known.version)
    }
    return list
  }
}

/// Why a membership list is not believed.
public enum MembershipError: Error, Sendable, CustomStringConvertible {
  case badSignature
  case malformed(CBORError)
  case otherCluster(String)
  case old(UInt64, known: UInt64)

  public var description: String {
    switch self {
    case .badSignature:
      "the membership list is not signed with the key of ‘membership’; does it name this realm's file?"
    case .malformed(let error): "the membership list cannot be read: \(error)"
    case .otherCluster(let name): "the membership list is of the cluster ‘\(name)’"
    case .old(let version, let known): "membership list \(version) is old; list \(known) is known"
    }
  }
}

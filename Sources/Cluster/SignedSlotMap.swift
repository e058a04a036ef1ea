import Cryptography
import Wire

/// A slot map as it travels: the very bytes that were signed, the signature by the election key, and the
/// election certificate of that key.
public struct SignedSlotMap: Hashable, Sendable {
  public static let maximumBodyLength = 128 << 10
  /// Prefixed to the body before signing, so that no signature of the election key means two things.
  static let context = [UInt8]("keyval/1 slot map\0".utf8)

  public let body: [UInt8]
  public let signature: [UInt8]
  public let certificate: [UInt8]

  public init(body: [UInt8], signature: [UInt8], certificate: [UInt8]) {
    self.body = body
    self.signature = signature
    self.certificate = certificate
  }

  /// Signs a map with the key that the certificate is for.
  public init(_ map: SlotMap, key: P256PrivateKey, certificate: [UInt8]) throws(CryptographyError) {
    let body = map.encoded()
    self.init(body: body, signature: try key.sign(Self.context + body), certificate: certificate)
  }

  /// The map, once certificate, signature, cluster, term, commander and expiry are what they must be.
  /// - Parameters:
  ///   - minimumTerm: the highest term the caller has seen; a map of a lower one is refused.
  ///   - now: seconds since 1970.
  /// - Throws: `BeliefError`, always the fault of who sent the map or of a wrong clock here.
  public func verified(
    by verifier: ElectionVerifier, cluster: String, minimumTerm: Term, now: Int64
  ) throws(BeliefError) -> SlotMap {
    let office = try verifier.verify(certificate: certificate, minimumTerm: minimumTerm, now: now)
    guard office.publicKey.verify(signature: signature, over: Self.context + body) else {
      throw .badSignature(term: office.term)
    }
    let map: SlotMap
    do throws(CBORError) {
      map = try SlotMap.decode(body)
    } catch {
      throw .malformed(error)
    }
    guard map.cluster == cluster else { throw .otherCluster(map.cluster) }
    guard map.term == office.term, map.commander == office.winner else {
      throw .badSignature(term: office.term)
    }
    guard map.expiry > now else { throw .expired(term: map.term) }
    return map
  }
}

extension SignedSlotMap: WireMessage {
  public func encode(into writer: inout CBORWriter) {
    writer.beginArray(3)
    writer.write(bytes: body)
    writer.write(bytes: signature)
    writer.write(bytes: certificate)
  }

  public init(from reader: inout CBORReader) throws(CBORError) {
    try reader.readArrayHeader(exactly: 3)
    self.init(
      body: try reader.readByteArray(maximum: Self.maximumBodyLength),
      signature: try reader.readByteArray(maximum: 256),
      certificate: try reader.readByteArray(maximum: ElectionVerifier.maximumCertificateLength))
  }
}

import Cryptography
import Wire

/// What the commander of a term says to everybody, and signs with its election key.
public protocol SignedContent: WireMessage {
  /// Prefixed to the body before signing, so that no signature of the election key means two things.
  static var context: String { get }
  static var maximumBodyLength: Int { get }

  var cluster: String { get }
  var term: Term { get }
  /// Seconds since 1970 after which nobody should go by it.
  var expiry: Int64 { get }
  /// Whom it names as the commander; nil when it names nobody.
  var signer: Principal? { get }
}

/// Signed content as it travels: the very bytes that were signed, the signature by the election key, and the
/// election certificate of that key.
public struct Signed<Content: SignedContent>: Hashable, Sendable {
  public let body: [UInt8]
  public let signature: [UInt8]
  public let certificate: [UInt8]

  public init(body: [UInt8], signature: [UInt8], certificate: [UInt8]) {
    self.body = body
    self.signature = signature
    self.certificate = certificate
  }

  /// Signs with the key that the certificate is for.
  public init(_ content: Content, key: P256PrivateKey, certificate: [UInt8]) throws(CryptographyError) {
    let body = content.encoded()
    self.init(body: body, signature: try key.sign(Self.context + body), certificate: certificate)
  }

  static var context: [UInt8] { [UInt8](Content.context.utf8) + [0] }

  /// The content, once certificate, signature, cluster, term, commander and expiry are what they must be.
  /// - Parameters:
  ///   - minimumTerm: the highest term the caller has seen; content of a lower one is refused.
  ///   - now: seconds since 1970.
  /// - Throws: `BeliefError`, always the fault of who sent it or of a wrong clock here.
  public func verified(
    by verifier: ElectionVerifier, cluster: String, minimumTerm: Term, now: Int64
  ) throws(BeliefError) -> Content {
    let office = try verifier.verify(certificate: certificate, minimumTerm: minimumTerm, now: now)
    let content: Content
    if let known = verifier.memory?.content(of: self) {
      content = known
    } else {
      content = try authentic(office, verifier.memory)
    }
    guard content.cluster == cluster else { throw .otherCluster(content.cluster) }
    guard content.term == office.term, content.signer.map({ $0 == office.winner }) ?? true else {
      throw .badSignature(term: office.term)
    }
    guard content.expiry > now else { throw .expired(term: content.term) }
    return content
  }

  /// What is signed by the key that the certificate proved.
  private func authentic(
    _ office: ElectionVerifier.Office, _ memory: (any VerificationMemory)?
  ) throws(BeliefError) -> Content {
    guard office.publicKey.verify(signature: signature, over: Self.context + body) else {
      throw .badSignature(term: office.term)
    }
    let content: Content
    do throws(CBORError) {
      content = try Content.decode(body)
    } catch {
      throw .malformed(error)
    }
    memory?.note(content, of: self)
    return content
  }
}

extension Signed: WireMessage {
  public func encode(into writer: inout CBORWriter) {
    writer.beginArray(3)
    writer.write(bytes: body)
    writer.write(bytes: signature)
    writer.write(bytes: certificate)
  }

  public init(from reader: inout CBORReader) throws(CBORError) {
    try reader.readArrayHeader(exactly: 3)
    self.init(
      body: try reader.readByteArray(maximum: Content.maximumBodyLength),
      signature: try reader.readByteArray(maximum: 256),
      certificate: try reader.readByteArray(maximum: ElectionVerifier.maximumCertificateLength))
  }
}

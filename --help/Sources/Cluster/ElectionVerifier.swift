import Cryptography
import Wire

/// Decides whom to believe to be the commander of a term: only the holder of an election certificate of our
/// election CA. It is a value without I/O, so that cores may hold one.
public struct ElectionVerifier: Sendable {
  public static let maximumCertificateLength = 16 << 10

  /// What an election certificate proves.
  public struct Office: Sendable {
    public let term: Term
    /// The drone that won.
    public let winner: Principal
    public let publicKey: P256PublicKey
    /// Seconds since 1970.
    public let notBefore: Int64
    public let notAfter: Int64
  }

  private let anchors: [CertificateAnchor]
  private let realm: String
  let memory: (any VerificationMemory)?

  /// - Parameter memory: where it looks first; a node, which sees each certificate and each map once, needs none.
  public init(anchors: [CertificateAnchor], realm: String, memory: (any VerificationMemory)? = nil) {
    self.anchors = anchors
    self.realm = realm
    self.memory = memory
  }

  /// Checks chain, EKU, validity, SAN = serial = term, the realm, and that the term is not an old one.
  /// - Parameters:
  ///   - certificate: DER.
  ///   - peer: the GSSAPI peer that presents it as its own; nil when it came with a signed map.
  ///   - minimumTerm: the highest term the caller has stored.
  ///   - now: seconds since 1970.
  public func verify(
    certificate: [UInt8], peer: Principal? = nil, minimumTerm: Term, now: Int64
  ) throws(BeliefError) -> Office {
    let verified: ElectionCertificate.Verified
    do throws(CertificateError) {
      verified = try prove(certificate, now)
    } catch {
      throw .badCertificate(error)
    }
    let term = Term(verified.term)
    guard let winner = try? Principal(verified.winner), winner.role == .drone, winner.realm == realm,
      let office = try? Principal.office(term: term, realm: realm), verified.office == office.text
    else { throw .notAnOffice(verified.office) }
    guard peer == nil || peer == winner else { throw .borrowed(term: term, winner: winner) }
    guard term >= minimumTerm else { throw .oldTerm(term, highest: minimumTerm) }
    return Office(
      term: term, winner: winner, publicKey: verified.publicKey, notBefore: verified.notBefore,
      notAfter: verified.notAfter)
  }

  private func prove(
    _ certificate: [UInt8], _ now: Int64
  ) throws(CertificateError) -> ElectionCertificate.Verified {
    func check() throws(CertificateError) -> ElectionCertificate.Verified {
      try ElectionCertificate(der: certificate).verify(anchors: anchors, now: now)
    }
    guard let memory else { return try check() }
    return try memory.verified(certificate, at: now, check: check)
  }
}

/// Why somebody is not believed to speak for the commander. The fault is the sender's, unless this
/// machine's clock is wrong.
public enum BeliefError: Error, Sendable, CustomStringConvertible {
  case badCertificate(CertificateError)
  case notAnOffice(String)
  case borrowed(term: Term, winner: Principal)
  case oldTerm(Term, highest: Term)
  case badSignature(term: Term)
  case malformed(CBORError)
  case otherCluster(String)
  case expired(term: Term)

  public var description: String {
    switch self {
    case .badCertificate(let error): "the election certificate does not hold: \(error)"
    case .notAnOffice(let name): "the certificate is for ‘\(name)’, which is no office of this realm"
    case .borrowed(let term, let winner):
      "the certificate of term \(term) belongs to \(winner), not to the peer that showed it"
    case .oldTerm(let term, let highest): "term \(term) is over; term \(highest) has been seen"
    case .badSignature(let term): "it is not signed by the commander of term \(term)"
    case .malformed(let error): "it cannot be read: \(error)"
    case .otherCluster(let name): "it is of the cluster ‘\(name)’"
    case .expired(let term):
      "it is of term \(term) and has expired; is the commander alive, and is this machine's clock right?"
    }
  }
}

import Cluster

/// Whether the election certificate that was shown on a command session makes its peer the commander. The
/// last one is remembered: it comes again with each message, and its signatures are checked once.
struct CertificateCheck: Sendable {
  /// What a session's certificate proved, and for how long by the clock on the wall.
  struct Proof: Hashable, Sendable {
    let term: Term
    /// The drone that holds the office.
    let winner: Principal
    /// Seconds since 1970; the first is included, the last is not.
    let notBefore: Int64
    let notAfter: Int64

    func holds(at wall: Int64) -> Bool { wall >= notBefore && wall < notAfter }
  }

  private let verifier: ElectionVerifier
  private var last: (certificate: [UInt8], proof: Proof)?

  init(verifier: ElectionVerifier) { self.verifier = verifier }

  /// - Parameters:
  ///   - certificate: DER, as it was shown.
  ///   - office: the term in the GSSAPI peer's name. The peer of a command session is the office and not the
  ///     drone that holds it, so it is the certificate's SAN that must name it.
  /// - Throws: `DatabaseAccessError.badCertificate`: the fault of who shows it, or of the clock of this machine.
  mutating func proof(
    of certificate: [UInt8], office: Term, wall: Int64
  ) throws(DatabaseAccessError) -> Proof {
    if let last, last.certificate == certificate, last.proof.term == office, last.proof.holds(at: wall) {
      return last.proof
    }
    let proved: ElectionVerifier.Office
    do throws(BeliefError) {
      proved = try verifier.verify(certificate: certificate, minimumTerm: .none, now: wall)
    } catch {
      throw .badCertificate(office, reason: error.description)
    }
    guard proved.term == office else {
      throw .badCertificate(office, reason: "the certificate is of term \(proved.term)")
    }
    let proof = Proof(
      term: proved.term, winner: proved.winner, notBefore: proved.notBefore, notAfter: proved.notAfter)
    last = (certificate, proof)
    return proof
  }
}

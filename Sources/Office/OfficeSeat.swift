import Cluster
import Commander
import Cryptography

/// What a drone's process has of the commander's office: the key of its candidacy, and the office once it is held. It
/// decides by which certificate the office is taken, and renewed. No I/O, no clock, no randomness.
public struct OfficeSeat {
  /// Whose it is, and what every commander of this process goes by.
  public struct Terms: Sendable {
    public let principal: Principal
    public let cluster: String
    public let authority: RegisteredNode
    public let timing: Timing
    public let verifier: ElectionVerifier
    /// Of each partition.
    public let shadows: Int
    public let maximumMoves: Int

    public init(
      principal: Principal, cluster: String, authority: RegisteredNode, timing: Timing,
      verifier: ElectionVerifier, shadows: Int, maximumMoves: Int = CommanderCore.concurrentMoves
    ) {
      self.principal = principal
      self.cluster = cluster
      self.authority = authority
      self.timing = timing
      self.verifier = verifier
      self.shadows = shadows
      self.maximumMoves = maximumMoves
    }
  }

  /// With what a certified winner begins.
  public struct Appointment: Sendable {
    public let term: Term
    /// DER.
    public let certificate: [UInt8]
    /// The version of the list that the drones are of.
    public let membership: UInt64
    public let drones: [RegisteredNode]
    public let databases: [RegisteredNode]
    /// The newest map of before.
    public let previous: SlotMap?

    public init(
      term: Term, certificate: [UInt8], membership: UInt64, drones: [RegisteredNode],
      databases: [RegisteredNode], previous: SlotMap?
    ) {
      self.term = term
      self.certificate = certificate
      self.membership = membership
      self.drones = drones
      self.databases = databases
      self.previous = previous
    }
  }

  public let terms: Terms
  /// While it is held.
  public var office: CommanderOffice?
  /// Of the last candidacy. One is enough: who stands for a higher term has given up the lower one.
  private var candidacy: (term: Term, key: P256PrivateKey)?

  public init(_ terms: Terms) { self.terms = terms }

  // MARK: Candidacies

  /// Stands for a term with a fresh key.
  /// - Returns: the request that the certificate is made from.
  public mutating func stand(
    for term: Term, key: P256PrivateKey
  ) throws(CryptographyError) -> [UInt8] {
    candidacy = (term, key)
    return try key.certificateRequest(subject: terms.principal.text)
  }

  public mutating func withdraw(from term: Term) {
    if candidacy?.term == term { candidacy = nil }
  }

  // MARK: The office

  /// Assumes the office, by a certificate for the key of this very candidacy.
  /// - Parameters:
  ///   - accessList: the newest that the drone has.
  ///   - wall: seconds since 1970.
  /// - Returns: what the commander is to be told first, in this order.
  /// - Throws: why it cannot be taken; the drone resigns then.
  public mutating func assume(
    _ appointment: Appointment, accessList: NumberedAccessList?, now: Instant, wall: Int64
  ) throws(OfficeError) -> [CommanderEvent] {
    let term = appointment.term
    guard let candidacy, candidacy.term == term else { throw .withoutKey }
    self.candidacy = nil
    let proved = try prove(appointment.certificate, of: term, wall)
    guard proved.publicKey.der == candidacy.key.publicKey.der else { throw .otherKey }
    let core = CommanderCore(
      identity: CommanderCore.Identity(
        principal: terms.principal, term: term, cluster: terms.cluster, authority: terms.authority),
      timing: terms.timing, shadows: terms.shadows, certificate: appointment.certificate,
      notBefore: proved.notBefore, notAfter: proved.notAfter, membership: appointment.membership,
      drones: appointment.drones, databases: appointment.databases, previous: appointment.previous,
      maximumMoves: terms.maximumMoves, now: now)
    office = CommanderOffice(core, key: candidacy.key, certificate: appointment.certificate)
    return (accessList.map { [.accessListChanged($0)] } ?? []) + [.ticked(wall: wall)]
  }

  /// A newer certificate for the office that is held.
  /// - Returns: what the commander is to be told; nil where another office is held, or none.
  /// - Throws: `notBelieved`: the office goes on with the certificate that it has.
  public mutating func renew(
    _ term: Term, certificate: [UInt8], wall: Int64
  ) throws(OfficeError) -> CommanderEvent? {
    guard office?.term == term else { return nil }
    let proved = try prove(certificate, of: term, wall)
    office?.renew(certificate: certificate)
    return .certified(certificate: certificate, notAfter: proved.notAfter)
  }

  /// - Returns: the office that was held; nil where it is another, or none.
  public mutating func leave(_ term: Term) -> CommanderOffice? {
    guard let office, office.term == term else { return nil }
    self.office = nil
    return office
  }

  private func prove(
    _ certificate: [UInt8], of term: Term, _ wall: Int64
  ) throws(OfficeError) -> ElectionVerifier.Office {
    do throws(BeliefError) {
      return try terms.verifier.verify(
        certificate: certificate, peer: terms.principal, minimumTerm: term, now: wall)
    } catch {
      throw .notBelieved(error)
    }
  }
}

/// Why a certificate is of no use for an office.
public enum OfficeError: Error, CustomStringConvertible {
  /// This process has not stood for that term, or does not any more.
  case withoutKey
  /// The certificate is for another key than this process has made.
  case otherKey
  case notBelieved(BeliefError)

  public var description: String {
    switch self {
    case .withoutKey: "there is no key of this term here"
    case .otherKey: "the certificate is for another key"
    case .notBelieved(let error): error.description
    }
  }
}

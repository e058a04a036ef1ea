import Cluster
import Commander
import Cryptography

/// The office that a drone holds: the commander's core, and what it signs and seals with: the election key, its
/// certificate, and the keys of its grants. No I/O, no clock; randomness is passed in. A drone's process and the simulator
/// run this same office.
public struct CommanderOffice {
  public enum Action: Sendable {
    case send(ControlMessage, to: Principal)
    /// On the session with a database's command service: `shown`, or `hold` until it can be dialled.
    case command(ControlMessage, service: Principal)
    /// The office is given up. Nothing follows.
    case resign(Term, reason: String)
    /// Something that the commander wanted was not done.
    case failed(CryptographyError)
    case note(CommanderNote)

    // For whoever keeps a record
    case signed(SlotMap, SignedSlotMap)
    case signedAccessList(PublishedAccessList)
  }

  /// Draws so many bytes.
  public typealias Randomness = (_ count: Int) -> [UInt8]

  public let identity: CommanderCore.Identity
  public var core: CommanderCore
  public let key: P256PrivateKey
  public private(set) var certificate: [UInt8]
  private var sealingKeys: [Principal: SealingKey] = [:]
  /// What waits until the command services can be dialled, the oldest first.
  private var held: [(service: Principal, message: ControlMessage)] = []
  private static let mostHeld = 64
  /// When the authority was last asked for the certificate that the KDC takes, and from when it is asked for another.
  private var askedForTickets: Instant?
  private var ticketsDue = Instant(milliseconds: .min)
  /// Milliseconds after which that certificate, which lives for an hour, is asked for anew. Not by the wall clock, which
  /// may be set back.
  private static let ticketsRenewalAge: Int64 = 1_200_000

  public var term: Term { identity.term }

  /// - Parameters:
  ///   - core: of this term.
  ///   - key: of the certificate.
  public init(_ core: CommanderCore, key: P256PrivateKey, certificate: [UInt8]) {
    identity = core.identity
    self.core = core
    self.key = key
    self.certificate = certificate
  }

  /// A newer certificate for the same key; tell the commander (`CommanderEvent.certified`).
  public mutating func renew(certificate: [UInt8]) { self.certificate = certificate }

  // MARK: The commander

  public mutating func handle(
    _ event: CommanderEvent, now: Instant, randomness: Randomness
  ) -> [Action] {
    var actions: [Action] = []
    _ = react(to: event, now, randomness, &actions)
    return actions
  }

  /// - Returns: whether the office is still held; what the commander wanted after it was given up is void.
  private mutating func react(
    to event: CommanderEvent, _ now: Instant, _ randomness: Randomness, _ actions: inout [Action]
  ) -> Bool {
    for action in core.handle(event, now: now) {
      do throws(CryptographyError) {
        guard try perform(action, now, randomness, &actions) else { return false }
      } catch {
        actions.append(.failed(error))
      }
    }
    return true
  }

  private mutating func perform(
    _ action: CommanderAction, _ now: Instant, _ randomness: Randomness, _ actions: inout [Action]
  ) throws(CryptographyError) -> Bool {
    switch action {
    case .send(let message, let peer): actions.append(.send(message, to: peer))
    case .sign(let map):
      let signed = try SignedSlotMap(map, key: key, certificate: certificate)
      actions.append(.signed(map, signed))
      return react(to: .signed(signed, version: map.version), now, randomness, &actions)
    case .signAccessList(let list):
      let signed = try SignedAccessList(list, key: key, certificate: certificate)
      actions.append(.signedAccessList(list))
      return react(to: .accessListSigned(signed, version: list.version), now, randomness, &actions)
    case .mint(let grant, let drone, let database):
      let answer = try seal(grant, for: drone, database: database, randomness)
      actions.append(.send(.grantAnswer(answer), to: drone))
    case .deliverKey(let database):
      let key = sealingKey(for: database.principal, randomness)
      command(
        database, .deliverKey(DeliverKey(term: term, identifier: key.identifier, key: key.key)), &actions)
    case .pingDatabase(let database):
      let key = sealingKey(for: database.principal, randomness)
      command(database, .keyStored(KeyStored(term: term, identifier: key.identifier)), &actions)
    case .askFences(let database):
      command(database, .fenceQuestion(FenceQuestion(term: term)), &actions)
    case .requestCertificate(let term):
      let request = try key.certificateRequest(subject: identity.principal.text)
      let message = ControlMessage.ballotRequest(BallotRequest(term: term, certificateRequest: request))
      actions.append(.send(message, to: identity.authority.principal))
    case .resign(let term, let reason):
      actions.append(.resign(term, reason: reason))
      return false
    case .note(let note): actions.append(.note(note))
    }
    return true
  }

  private func command(_ database: RegisteredNode, _ message: ControlMessage, _ actions: inout [Action]) {
    guard let service = database.principal.commandService else { return }
    actions.append(.command(message, service: service))
  }

  // MARK: Command sessions

  /// What is said on a command session: each message goes with the certificate in one record, since the session may have
  /// been opened anew, or the certificate renewed, since the last.
  public func shown(_ message: ControlMessage) -> [ControlMessage] {
    [.showCertificate(ShowCertificate(certificate: certificate)), message]
  }

  /// Keeps a message until the command services can be dialled. The core repeats what still matters, so the oldest go
  /// first.
  public mutating func hold(_ message: ControlMessage, for service: Principal) {
    if held.count == Self.mostHeld { held.removeFirst() }
    held.append((service, message))
  }

  public mutating func takeHeld() -> [(service: Principal, message: ControlMessage)] {
    defer { held = [] }
    return held
  }

  // MARK: The certificate that the KDC takes

  /// Asks the authority for it, and asks again, as long as it is missing or due.
  /// - Parameters:
  ///   - isMissing: there is none, or the KDC has refused it.
  ///   - pause: milliseconds between two times that it is asked for.
  /// - Returns: what is to be done; nothing when there is no need.
  public mutating func requestTickets(isMissing: Bool, now: Instant, every pause: Int64) -> [Action] {
    guard isMissing || now >= ticketsDue else { return [] }
    if let askedForTickets, now - askedForTickets < pause { return [] }
    askedForTickets = now
    let request = ControlMessage.ticketCertificateRequest(TicketCertificateRequest(term: term))
    return [.send(request, to: identity.authority.principal)]
  }

  /// Whether this is what was asked for, by whoever it is from. Tell `ticketsInPlace` once it is in use.
  public func awaits(_ issued: TicketCertificate, from peer: Principal) -> Bool {
    peer == identity.authority.principal && issued.term == term
  }

  /// The command services can be dialled from now on.
  /// - Returns: what has waited for that.
  public mutating func ticketsInPlace(_ now: Instant) -> [Action] {
    ticketsDue = now + Self.ticketsRenewalAge
    return takeHeld().map { .command($0.message, service: $0.service) }
  }

  // MARK: Grants

  private mutating func seal(
    _ grant: Grant, for drone: Principal, database: RegisteredNode, _ randomness: Randomness
  ) throws(CryptographyError) -> GrantAnswer {
    let sealed = try SealedGrant(
      grant, cluster: identity.cluster, database: database.principal, drone: drone,
      key: sealingKey(for: database.principal, randomness), salt: randomness(SealedGrant.saltLength))
    return GrantAnswer(
      term: term, incarnation: grant.incarnation, partitions: grant.partitions, token: grant.token,
      mode: grant.mode, database: database, grant: sealed)
  }

  /// The key of this term's grants for a database: drawn once for each.
  public mutating func sealingKey(for database: Principal, _ randomness: Randomness) -> SealingKey {
    if let key = sealingKeys[database] { return key }
    var secret = randomness(SealingKey.length)
    defer { cleanse(&secret) }
    let identifier = randomness(8).reduce(0) { $0 << 8 | UInt64($1) }
    guard let key = SealingKey(identifier: identifier, key: secret)
    else { preconditionFailure("a sealing key of \(secret.count) bytes was refused") }
    sealingKeys[database] = key
    return key
  }
}

import Cryptography
import Kerberos
import Sessions
import Synchronization

/// The GSSAPI context of one handshake. Its methods block: they run on `threads`, one after the other.
final class SecurityContextSteps: Sendable {
  enum Result: Sendable {
    case event(HandshakeEvent)
    /// `nil`: the step was not taken.
    case failure(KerberosError?)
    /// It had to go for the steps of others.
    case displaced
  }

  private let submit: @Sendable (@escaping @Sendable (Turn) -> Void) -> Void
  private let initiatorCredential: InitiatorCredentialProvider
  private let acceptorCredentials: [String: AcceptorCredentialProvider]
  /// Nil for an initiator.
  private let replayed: ReplayedTokens?
  private let context = Mutex<SecurityContext?>(nil)
  private let usedCredential = Mutex<InitiatorCredential?>(nil)

  init(
    initiating threads: SecurityContextThreads, to target: String,
    credential: @escaping InitiatorCredentialProvider
  ) {
    submit = { threads.initiating.submit(of: target, isMember: false, $0) }
    initiatorCredential = credential
    acceptorCredentials = [:]
    replayed = nil
  }

  init(
    accepting threads: SecurityContextThreads, from source: Source, isMember: Bool,
    credentials: [String: AcceptorCredentialProvider], replayed: ReplayedTokens
  ) {
    submit = { threads.accepting.submit(of: source, isMember: isMember, $0) }
    initiatorCredential = { () throws(KerberosError) in
      throw KerberosError(.badArgument, "An acceptor initiates no context.")
    }
    acceptorCredentials = credentials
    self.replayed = replayed
  }

  /// Takes a step when its turn comes, unless `isWanted` says then that nobody wants it any more.
  func run(
    _ step: @escaping @Sendable (SecurityContextSteps) -> Result, isWanted: @escaping @Sendable () -> Bool,
    completion: @escaping @Sendable (Result) -> Void
  ) {
    submit { [self] turn in
      switch turn {
      // A peer that is gone costs no Kerberos any more.
      case .taken: completion(isWanted() ? step(self) : .failure(nil))
      case .displaced: completion(.displaced)
      case .cancelled: completion(.failure(nil))
      }
    }
  }

  func initiate(target: String, channelBinding: [UInt8]) -> Result {
    attempt { () throws(KerberosError) in
      let credential = try initiatorCredential()
      usedCredential.withLock { $0 = credential }
      let context = try SecurityContext.initiate(
        credential: credential, target: target, channelBinding: channelBinding)
      self.context.withLock { $0 = context }
      return try step(context, nil)
    }
  }

  func resume(token: [UInt8]) -> Result {
    attempt { () throws(KerberosError) in try step(try current(), token) }
  }

  /// An acceptor that has got a new key refuses tickets under its old one: the next dial asks the KDC anew.
  /// The refusal is a hint that anybody may forge; believing it costs no more than that question.
  func forgetRefusedTickets(_ error: TransportError) {
    guard case .session(.refused(let refusal)) = error, refusal.code == .ticketRefused else { return }
    usedCredential.withLock { $0 }?.forgetTickets()
  }

  /// What a step with this token comes to, where that is known without taking it.
  func foretell(service: String, token: [UInt8]) -> Result? {
    replayed?.refusal(of: token, to: service).map { .failure($0) }
  }

  func accept(service: String, token: [UInt8], channelBinding: [UInt8]) -> Result {
    let result = acceptContext(service: service, token: token, channelBinding: channelBinding)
    if case .failure(let error?) = result, error.reason == .replay {
      replayed?.add(token, to: service, error)
    }
    return result
  }

  private func acceptContext(service: String, token: [UInt8], channelBinding: [UInt8]) -> Result {
    attempt { () throws(KerberosError) in
      guard let credential = acceptorCredentials[service] else {
        throw KerberosError(.badArgument, "There is no credential for the service \(service) here.")
      }
      let context = try SecurityContext.accept(
        credential: try credential(), channelBinding: channelBinding)
      self.context.withLock { $0 = context }
      return try step(context, token)
    }
  }

  func pseudoRandom(input: [UInt8], length: Int) -> Result {
    attempt { () throws(KerberosError) in
      var secret = try current().pseudoRandom(input: input, length: length)
      return .pseudoRandomComputed(SecretBytes(taking: &secret))
    }
  }

  private func step(_ context: SecurityContext, _ token: [UInt8]?) throws(KerberosError) -> HandshakeEvent {
    let (token, isComplete) = try context.step(token: token)
    let properties = isComplete ? SecurityProperties(try context.properties()) : nil
    return .securityContextAdvanced(token: token, isComplete: isComplete, properties: properties)
  }

  private func current() throws(KerberosError) -> SecurityContext {
    guard let context = context.withLock({ $0 }) else {
      throw KerberosError(.badArgument, "The security context was not begun.")
    }
    return context
  }

  private func attempt(_ body: () throws(KerberosError) -> HandshakeEvent) -> Result {
    do throws(KerberosError) { return .event(try body()) } catch { return .failure(error) }
  }
}

extension TicketComplaint {
  /// What of an error may be told to a peer.
  init(_ error: KerberosError) {
    switch error.reason {
    case .ticketExpired: self = error.isNotYetValid ? .notYetValid : .expired
    case .clockSkew: self = .clocksDiffer
    case .replay: self = .seenBefore
    default: self = .notAccepted
    }
  }
}

/// Gives the credential to dial with. Called before each handshake on a thread that may block, so that it
/// can look at a cache again or get a ticket.
public typealias InitiatorCredentialProvider = @Sendable () throws(KerberosError) -> InitiatorCredential

/// Gives the credential to accept with. Called before each handshake on a thread that may block.
public typealias AcceptorCredentialProvider = @Sendable () throws(KerberosError) -> AcceptorCredential

extension SecurityProperties {
  init(_ properties: SecurityContextProperties) {
    self.init(
      local: properties.local, peer: properties.peer, target: properties.target,
      isMutual: properties.isMutual, isChannelBound: properties.isChannelBound,
      hasAcceptorSubkey: properties.hasAcceptorSubkey,
      sessionKeyEncryptionType: properties.sessionKeyEncryptionType,
      ticketEncryptionType: properties.ticketEncryptionType, expiry: properties.expiry,
      authenticationIndicators: properties.authenticationIndicators)
  }
}

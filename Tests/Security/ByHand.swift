import Cryptography
import Kerberos

@testable import Sessions
@testable import Transport

/// An initiator whose frames and keys are in a test's hands: it follows the protocol as long as the test lets it.
final class ByHand {
  /// What it said first: its hello and its request to the service, as one frame.
  let first: [UInt8]
  let entropy: HandshakeEntropy
  /// Known once the answer was taken.
  private(set) var preSharedKey: [UInt8] = []
  private(set) var transcript: HandshakeTranscript?

  private var handshake: InitiatorHandshake
  private let context: SecurityContext

  struct Unexpected: Error {
    let actions: String
    init(_ actions: [HandshakeAction]) { self.actions = "\(actions)" }
  }

  /// - Parameter suites: what it offers.
  init(
    _ service: String, _ credential: InitiatorCredential, suites: [CipherSuite] = [.aes256GCM],
    records: RecordLimits = RecordLimits()
  ) throws {
    var limits = SessionLimits()
    limits.records = records
    entropy = try .generate()
    handshake = InitiatorHandshake(
      configuration: .init(cluster: "test", service: service, suites: suites, limits: limits),
      entropy: entropy)
    let actions = handshake.handle(.started)
    guard case .initiateSecurityContext(let target, let binding) = actions.first else {
      throw Unexpected(actions)
    }
    context = try .initiate(credential: credential, target: target, channelBinding: binding)
    let token = try context.step(token: nil).token
    let sent = handshake.handle(
      .securityContextAdvanced(token: token, isComplete: false, properties: nil))
    guard case .sendFrame(let frame) = sent.first else { throw Unexpected(sent) }
    first = frame
  }

  /// Takes the node's flight: its own Finished, and the session as it will be at the node when that has come there.
  func finish(_ answer: [UInt8]) throws -> (finished: [UInt8], session: EstablishedSession) {
    var actions = handshake.handle(.frameReceived(Array(answer.dropFirst(4))))
    guard case .continueSecurityContext(let token) = actions.first else {
      throw Unexpected(actions)
    }
    let step = try context.step(token: token)
    actions = handshake.handle(
      .securityContextAdvanced(
        token: step.token, isComplete: step.isComplete,
        properties: SecurityProperties(try context.properties())))
    guard case .computePseudoRandom(let input, let length) = actions.first else {
      throw Unexpected(actions)
    }
    preSharedKey = try context.pseudoRandom(input: input, length: length)
    transcript = try Flights(first: first, answer: answer).transcript
    actions = handshake.handle(.pseudoRandomComputed(SecretBytes(copying: preSharedKey)))
    guard case .sendFrame(let finished) = actions.first, case .establish(let session) = actions.last else {
      throw Unexpected(actions)
    }
    return (finished, session)
  }

  /// An honest session over a bare connection.
  static func open(
    _ node: Target.Node, at address: NodeAddress? = nil, _ credential: InitiatorCredential,
    records: RecordLimits = RecordLimits()
  ) async throws -> (tap: Wiretap, session: EstablishedSession, hand: ByHand) {
    let hand = try ByHand(node.principal, credential, records: records)
    let tap = try await Wiretap.open(address ?? node.address)
    tap.send(hand.first)
    let (finished, session) = try hand.finish(try await tap.frame())
    tap.send(finished)
    return (tap, session, hand)
  }
}

/// What everybody on the way sees of a handshake.
struct Flights {
  var initiatorHello: [UInt8]
  var initiatorToken: [UInt8]
  var acceptorHello: [UInt8]
  var acceptorToken: [UInt8]
  var finished: [UInt8]

  struct NoFlight: Error {}

  /// - Parameters: the first two frames, with their lengths.
  init(first: [UInt8], answer: [UInt8]) throws {
    guard
      case .initiatorFlight(let hello, let token) = try HandshakeFrame.decode(
        Array(first.dropFirst(4)), limits: SessionLimits()),
      case .acceptorFlight(let answerHello, let answerToken, let finished) = try HandshakeFrame.decode(
        Array(answer.dropFirst(4)), limits: SessionLimits())
    else { throw NoFlight() }
    (initiatorHello, initiatorToken) = (hello, token)
    (acceptorHello, acceptorToken, self.finished) = (answerHello, answerToken, finished)
  }

  var transcript: HandshakeTranscript {
    HandshakeTranscript(
      initiatorHello: initiatorHello, initiatorToken: initiatorToken, acceptorHello: acceptorHello,
      acceptorToken: acceptorToken)
  }
}

extension EstablishedSession {
  /// The messages as one record.
  func seal(_ messages: [UInt8]...) throws -> [UInt8] { try sealer.seal(.messages, messages.flatMap { $0 }) }

  /// What a record from the other side says.
  func open(_ record: [UInt8]) throws -> [UInt8] { try opener.content(of: record) }
}

extension RecordOpener {
  func content(of record: [UInt8]) throws -> [UInt8] {
    var record = record
    return try record.withUnsafeMutableBytes { Array(try open($0).content) }
  }
}

import Cryptography
import Sessions

/// One Kerberos context's worth of behaviour, without Kerberos: two tokens under a key that only the two
/// principals know, bound to the channel.
struct FakeSecurityContext {
  /// What the test wants to be otherwise than in an honest context.
  struct Faults {
    var checksChannelBinding = true
    var initiatorTokens = 1
    var alterInitiator: (inout SecurityProperties) -> Void = { _ in }
    var alterAcceptor: (inout SecurityProperties) -> Void = { _ in }
    var acceptorIsIncomplete = false
    var acceptorGivesNoToken = false
    var initiatorGivesSecondToken = false
  }

  static let user = "alice@TEST.REALM"
  static let drone = "keyval-drone/d1@TEST.REALM"

  let ticketKey: [UInt8]
  var user = Self.user
  var faults = Faults()
  private var nonces: [UInt8] = []

  init(ticketKey: [UInt8] = Array(repeating: 7, count: 48)) { self.ticketKey = ticketKey }

  private func authenticate(_ label: String, _ data: [UInt8]) -> [UInt8] {
    HMACSHA384.authenticate(key: ticketKey, data: Array(label.utf8) + nonces + data)
  }

  private func properties(local: String, peer: String, target: String) -> SecurityProperties {
    SecurityProperties(
      local: local, peer: peer, target: target, isMutual: true, isChannelBound: true,
      hasAcceptorSubkey: true, sessionKeyEncryptionType: 20, expiry: 2_000_000_000,
      authenticationIndicators: [])
  }

  mutating func initiate(binding: [UInt8]) -> HandshakeEvent {
    nonces = SecureRandom.bytes(16)
    return .securityContextAdvanced(
      token: nonces + authenticate("request", binding), isComplete: false, properties: nil)
  }

  mutating func accept(service: String, token: [UInt8], binding: [UInt8]) -> HandshakeEvent {
    nonces = Array(token.prefix(16))
    let mac = Array(token.dropFirst(16))
    let fits = mac == authenticate("request", binding)
    guard fits || (!faults.checksChannelBinding && mac.count == 48) else {
      return .securityContextFailed("the token of \(user) belongs to another connection")
    }
    nonces += SecureRandom.bytes(16)
    var properties = properties(local: service, peer: user, target: service)
    faults.alterAcceptor(&properties)
    let reply = Array(nonces.suffix(16)) + authenticate("reply", [])
    return .securityContextAdvanced(
      token: faults.acceptorGivesNoToken ? nil : reply, isComplete: !faults.acceptorIsIncomplete,
      properties: properties)
  }

  mutating func resume(target: String, token: [UInt8]) -> HandshakeEvent {
    nonces += token.prefix(16)
    guard Array(token.dropFirst(16)) == authenticate("reply", []) else {
      return .securityContextFailed("the answer of \(target) does not verify")
    }
    var properties = properties(local: user, peer: target, target: target)
    faults.alterInitiator(&properties)
    return .securityContextAdvanced(
      token: faults.initiatorGivesSecondToken ? [1] : nil, isComplete: true, properties: properties)
  }

  func pseudoRandom(_ input: [UInt8], _ length: Int) -> HandshakeEvent {
    .pseudoRandomComputed(SecretBytes(copying: Array(authenticate("pseudo-random", input).prefix(length))))
  }
}

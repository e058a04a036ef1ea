import Cryptography

/// TLS 1.3's PSK-with-(EC)DHE key schedule (RFC 8446 §7.1) over HKDF-SHA-384, with labels of our own.
///
///     0 ─► Extract(PSK) ─► "derived" ─► Extract(X25519) ─┬─► "initiator handshake", T ─► "finished"
///                                                         ├─► "acceptor handshake", T ─► "finished"
///                                                         └─► "derived" ─► Extract(0)
///                                     "initiator traffic", T ◄─┴─► "acceptor traffic", T
///
/// PSK is 48 bytes of `gss_pseudo_random` over "keyval/1 psk" ‖ T, so a session key of Kerberos that leaks
/// later opens nothing without the ephemeral keys, and the ephemeral keys nothing without the ticket.
struct KeySchedule {
  static let hashLength = 48
  static let preSharedKeyLength = 48
  private static let labelPrefix = "keyval/1 "

  let initiatorFinishedKey: SecretBytes
  let acceptorFinishedKey: SecretBytes
  let initiatorTraffic: TrafficSecret
  let acceptorTraffic: TrafficSecret

  /// What both sides hand to `gss_pseudo_random`.
  static func preSharedKeyInput(_ transcript: HandshakeTranscript) -> [UInt8] {
    Array("\(labelPrefix)psk".utf8) + transcript.hash
  }

  init(
    preSharedKey: SecretBytes, sharedSecret: SecretBytes, transcript: HandshakeTranscript
  ) {
    let zeros = SecretBytes(count: Self.hashLength) { _ in }
    let early = HKDFSHA384.extract(salt: zeros, inputKey: preSharedKey)
    let handshake = HKDFSHA384.extract(salt: Self.derive(early), inputKey: sharedSecret)
    let initiator = Self.expandLabel(handshake, "initiator handshake", transcript.hash)
    let acceptor = Self.expandLabel(handshake, "acceptor handshake", transcript.hash)
    initiatorFinishedKey = Self.expandLabel(initiator, "finished")
    acceptorFinishedKey = Self.expandLabel(acceptor, "finished")

    let main = HKDFSHA384.extract(salt: Self.derive(handshake), inputKey: zeros)
    initiatorTraffic = TrafficSecret(Self.expandLabel(main, "initiator traffic", transcript.hash))
    acceptorTraffic = TrafficSecret(Self.expandLabel(main, "acceptor traffic", transcript.hash))
  }

  /// HKDF-Expand-Label (RFC 8446 §7.1) with the prefix "keyval/1 " in place of "tls13 ".
  static func expandLabel(
    _ secret: SecretBytes, _ label: String, _ context: [UInt8] = [], length: Int = hashLength
  ) -> SecretBytes {
    let full = Array((labelPrefix + label).utf8)
    var info: [UInt8] = [UInt8(truncatingIfNeeded: length >> 8), UInt8(truncatingIfNeeded: length)]
    info.append(UInt8(truncatingIfNeeded: full.count))
    info += full
    info.append(UInt8(truncatingIfNeeded: context.count))
    info += context
    return HKDFSHA384.expand(pseudoRandomKey: secret, info: info, length: length)
  }

  /// Derive-Secret(secret, "derived", "").
  private static func derive(_ secret: SecretBytes) -> SecretBytes {
    expandLabel(secret, "derived", SHA384.hash([]))
  }
}

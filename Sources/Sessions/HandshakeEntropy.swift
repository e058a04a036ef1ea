import Cryptography

/// The randomness of one side of one handshake. Used once.
public struct HandshakeEntropy: Sendable {
  let random: [UInt8]
  let keyPair: X25519KeyPair

  /// - Parameter random: 32 bytes that were never used before.
  public init(random: [UInt8], keyPair: X25519KeyPair) {
    precondition(random.count == InitiatorHello.randomLength, "a hello takes 32 random bytes")
    self.random = random
    self.keyPair = keyPair
  }

  /// Fresh from the system's generator.
  public static func generate() throws(CryptographyError) -> HandshakeEntropy {
    HandshakeEntropy(
      random: SecureRandom.bytes(InitiatorHello.randomLength), keyPair: try X25519KeyPair.generate())
  }
}

import Testing

@testable import Cryptography

@Suite("Authenticated encryption")
struct AEADTests {
  struct Vector: Sendable {
    let suite: CipherSuite
    let key: [UInt8]
    let nonce: [UInt8]
    let associatedData: [UInt8]
    let plaintext: [UInt8]
    let sealed: [UInt8]
  }

  /// Test cases 13, 14 and 16 of the GCM specification submitted to NIST, and RFC 8439 §2.8.2.
  static let vectors = [
    Vector(
      suite: .aes256GCM, key: zeros(32), nonce: zeros(12), associatedData: [], plaintext: [],
      sealed: hex("530f8afbc74536b9a963b4f1c4cb738b")),
    Vector(
      suite: .aes256GCM, key: zeros(32), nonce: zeros(12), associatedData: [], plaintext: zeros(16),
      sealed: hex("cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919")),
    Vector(
      suite: .aes256GCM,
      key: hex("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308"),
      nonce: hex("cafebabefacedbaddecaf888"),
      associatedData: hex("feedfacedeadbeeffeedfacedeadbeefabaddad2"),
      plaintext: hex(
        "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
          + "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39"),
      sealed: hex(
        "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
          + "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"
          + "76fc6ece0f4e1768cddf8853bb2d551b")),
    Vector(
      suite: .chaCha20Poly1305, key: Array(0x80...0x9f), nonce: hex("070000004041424344454647"),
      associatedData: hex("50515253c0c1c2c3c4c5c6c7"),
      plaintext: Array(
        ("Ladies and Gentlemen of the class of '99: If I could offer you only one tip for "
          + "the future, sunscreen would be it.").utf8),
      sealed: hex(
        "d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d6"
          + "3dbea45e8ca9671282fafb69da92728b1a71de0a9e060b2905d6a5b67ecd3b36"
          + "92ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc"
          + "3ff4def08e4b7a9de576d26586cec64b6116" + "1ae10b594f09e26a7e902ecbd0600691")),
  ]

  @Test("the published vectors seal and open", arguments: vectors)
  func publishedVectors(_ vector: Vector) throws {
    let sealed = try AEAD.seal(
      suite: vector.suite, key: vector.key, nonce: vector.nonce, associatedData: vector.associatedData,
      plaintext: vector.plaintext)
    #expect(sealed == vector.sealed)
    let opened = try AEAD.open(
      suite: vector.suite, key: vector.key, nonce: vector.nonce, associatedData: vector.associatedData,
      ciphertext: vector.sealed)
    #expect(opened == vector.plaintext)
  }

  @Test(
    "a cipher keyed once seals and opens many messages, whatever came before", arguments: CipherSuite.allCases
  )
  func manyMessages(_ suite: CipherSuite) throws {
    let key = SecureRandom.bytes(32)
    let sealer = try AEADCipher(suite: suite, key: key, direction: .seal)
    let opener = try AEADCipher(suite: suite, key: key, direction: .open)
    // Lengths around the ciphers' blocks, and empty messages and associated data in between.
    for (number, length) in [0, 1, 15, 16, 17, 0, 63, 64, 65, 1_000, 0, 65_536, 3].enumerated() {
      let nonce = zeros(11) + [UInt8(number)]
      let associatedData = [UInt8](repeating: 7, count: number % 3)
      let plaintext = SecureRandom.bytes(length)
      let expected = try AEAD.seal(
        suite: suite, key: key, nonce: nonce, associatedData: associatedData, plaintext: plaintext)
      let sealed = try seal(sealer, nonce, associatedData, plaintext)
      #expect(sealed == expected)
      #expect(try open(opener, nonce, associatedData, sealed) == plaintext)
    }
  }

  @Test("a message is sealed and opened where it lies", arguments: CipherSuite.allCases)
  func inPlace(_ suite: CipherSuite) throws {
    let key = SecureRandom.bytes(32)
    let plaintext = SecureRandom.bytes(100)
    var buffer = plaintext + zeros(16)
    let sealer = try AEADCipher(suite: suite, key: key, direction: .seal)
    let opener = try AEADCipher(suite: suite, key: key, direction: .open)
    try zeros(12).withUnsafeBytes { nonce in
      try buffer.withUnsafeMutableBytes { buffer in
        let sealed = try sealer.seal(
          nonce: nonce, associatedData: UnsafeRawBufferPointer(start: nil, count: 0),
          plaintext: UnsafeRawBufferPointer(rebasing: buffer[..<100]), into: buffer)
        #expect(sealed == 116)
        #expect(!buffer[..<100].elementsEqual(plaintext))
        let opened = try opener.open(
          nonce: nonce, associatedData: UnsafeRawBufferPointer(start: nil, count: 0),
          ciphertext: UnsafeRawBufferPointer(buffer), into: buffer)
        #expect(opened == 100)
      }
    }
    #expect(Array(buffer.prefix(100)) == plaintext)
  }

  @Test("a message with any one bit altered does not open", arguments: CipherSuite.allCases)
  func alteredBits(_ suite: CipherSuite) throws {
    let key = SecureRandom.bytes(32)
    let sealed = try AEAD.seal(
      suite: suite, key: key, nonce: zeros(12), associatedData: [1, 2], plaintext: Array("a value".utf8))
    for bit in 0..<(sealed.count * 8) {
      var altered = sealed
      altered[bit / 8] ^= 1 << UInt8(bit % 8)
      #expect(throws: CryptographyError.authenticationFailed) {
        try AEAD.open(
          suite: suite, key: key, nonce: zeros(12), associatedData: [1, 2], ciphertext: altered)
      }
    }
  }

  @Test("another key, nonce, associated data, suite or length does not open", arguments: CipherSuite.allCases)
  func otherInputs(_ suite: CipherSuite) throws {
    let other: CipherSuite = suite == .aes256GCM ? .chaCha20Poly1305 : .aes256GCM
    let key = SecureRandom.bytes(32)
    let sealed = try AEAD.seal(
      suite: suite, key: key, nonce: zeros(12), associatedData: [1], plaintext: [9, 9])
    let attempts: [(CipherSuite, [UInt8], [UInt8], [UInt8], [UInt8])] = [
      (suite, SecureRandom.bytes(32), zeros(12), [1], sealed),
      (suite, key, zeros(11) + [1], [1], sealed),
      (suite, key, zeros(12), [], sealed),
      (suite, key, zeros(12), [1, 0], sealed),
      (other, key, zeros(12), [1], sealed),
      (suite, key, zeros(12), [1], sealed + [0]),
      (suite, key, zeros(12), [1], Array(sealed.dropLast())),
      (suite, key, zeros(12), [1], Array(sealed.prefix(15))),
      (suite, key, zeros(12), [1], []),
    ]
    for (suite, key, nonce, associatedData, ciphertext) in attempts {
      #expect(throws: CryptographyError.authenticationFailed) {
        try AEAD.open(
          suite: suite, key: key, nonce: nonce, associatedData: associatedData, ciphertext: ciphertext)
      }
    }
  }

  @Test("plaintext that does not authenticate never leaves the call", arguments: CipherSuite.allCases)
  func unauthenticatedPlaintext(_ suite: CipherSuite) throws {
    let key = SecureRandom.bytes(32)
    var sealed = try AEAD.seal(
      suite: suite, key: key, nonce: zeros(12), associatedData: [], plaintext: Array("secret".utf8))
    sealed[sealed.count - 1] ^= 1
    let opener = try AEADCipher(suite: suite, key: key, direction: .open)
    var output = [UInt8](repeating: 0xee, count: 8)
    #expect(throws: CryptographyError.authenticationFailed) {
      try zeros(12).withUnsafeBytes { nonce in
        try sealed.withUnsafeBytes { sealed in
          try output.withUnsafeMutableBytes { output in
            _ = try opener.open(
              nonce: nonce, associatedData: UnsafeRawBufferPointer(start: nil, count: 0),
              ciphertext: sealed, into: output)
          }
        }
      }
    }
    #expect(output == zeros(6) + [0xee, 0xee])
  }

  @Test("a cipher goes on after a message that did not open", arguments: CipherSuite.allCases)
  func failureIsNotSticky(_ suite: CipherSuite) throws {
    let key = SecureRandom.bytes(32)
    let sealed = try AEAD.seal(suite: suite, key: key, nonce: zeros(12), associatedData: [], plaintext: [1])
    let opener = try AEADCipher(suite: suite, key: key, direction: .open)
    #expect(throws: CryptographyError.authenticationFailed) {
      try open(opener, zeros(12), [], zeros(17))
    }
    #expect(try open(opener, zeros(12), [], sealed) == [1])
  }

  @Test("a caller's mistakes are named")
  func callersMistakes() throws {
    #expect(throws: CryptographyError.wrongKeyLength(expected: 32, actual: 16)) {
      try AEADCipher(suite: .aes256GCM, key: zeros(16), direction: .seal)
    }
    #expect(throws: CryptographyError.wrongNonceLength(expected: 12, actual: 8)) {
      try AEAD.seal(suite: .aes256GCM, key: zeros(32), nonce: zeros(8), associatedData: [], plaintext: [])
    }
    let sealer = try AEADCipher(suite: .aes256GCM, key: zeros(32), direction: .seal)
    let opener = try AEADCipher(suite: .aes256GCM, key: zeros(32), direction: .open)
    #expect(throws: CryptographyError.wrongDirection) { try seal(opener, zeros(12), [], []) }
    #expect(throws: CryptographyError.wrongDirection) { try open(sealer, zeros(12), [], zeros(16)) }
    #expect(throws: CryptographyError.bufferTooSmall(needed: 17, actual: 16)) {
      try seal(sealer, zeros(12), [], [1], capacity: 16)
    }
    #expect(throws: CryptographyError.bufferTooSmall(needed: 1, actual: 0)) {
      try open(opener, zeros(12), [], zeros(17), capacity: 0)
    }
  }

  @Test("a cipher's description carries no key")
  func description() throws {
    let cipher = try AEADCipher(suite: .aes256GCM, key: zeros(32), direction: .seal)
    #expect("\(cipher)" == "AEADCipher(aes256GCM, seal)")
  }

  private func seal(
    _ cipher: AEADCipher, _ nonce: [UInt8], _ associatedData: [UInt8], _ plaintext: [UInt8],
    capacity: Int? = nil
  ) throws -> [UInt8] {
    var output = zeros(capacity ?? plaintext.count + 16)
    let count = try nonce.withUnsafeBytes { nonce in
      try associatedData.withUnsafeBytes { associatedData in
        try plaintext.withUnsafeBytes { plaintext in
          try output.withUnsafeMutableBytes {
            try cipher.seal(
              nonce: nonce, associatedData: associatedData, plaintext: plaintext, into: $0)
          }
        }
      }
    }
    return Array(output.prefix(count))
  }

  private func open(
    _ cipher: AEADCipher, _ nonce: [UInt8], _ associatedData: [UInt8], _ ciphertext: [UInt8],
    capacity: Int? = nil
  ) throws -> [UInt8] {
    var output = zeros(capacity ?? max(0, ciphertext.count - 16))
    let count = try nonce.withUnsafeBytes { nonce in
      try associatedData.withUnsafeBytes { associatedData in
        try ciphertext.withUnsafeBytes { ciphertext in
          try output.withUnsafeMutableBytes {
            try cipher.open(
              nonce: nonce, associatedData: associatedData, ciphertext: ciphertext, into: $0)
          }
        }
      }
    }
    return Array(output.prefix(count))
  }
}

func zeros(_ count: Int) -> [UInt8] { [UInt8](repeating: 0, count: count) }

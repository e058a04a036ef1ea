import COpenSSL
import Glibc
import Testing

@testable import Cryptography

@Suite("Secrets in memory", .serialized)
struct SecretBytesTests {
  @Test(
    "a secret stands in the locked memory, in one place for all its copies, and is zeroed with the last of them"
  )
  func place() throws {
    let length = 64 << 10
    var bytes = SecureRandom.bytes(length)
    let known = bytes
    var secret: SecretBytes? = SecretBytes(taking: &bytes)
    #expect(bytes.isEmpty)
    let start = try #require(secret?.withUnsafeBytes { $0.baseAddress })
    var copy = secret
    #expect(copy?.withUnsafeBytes { $0.baseAddress } == start)
    #expect(secret?.isInSecureHeap == true)
    secret = nil
    #expect(copy?.withUnsafeBytes { [UInt8]($0) } == known)
    copy = nil
    // The heap is there as long as the process, so what was given back may be looked at. Random bytes are nearly all
    // other than zero; that somebody uses a small part of it again does no harm.
    let after = UnsafeRawBufferPointer(start: start, count: length)
    #expect(after.count { $0 == 0 } > length / 2, "not zeroed")
  }

  @Test("the memory for keys is locked and left out of dumps, as the kernel says")
  func locked() throws {
    let secret = SecretBytes.random(32)
    let start = secret.withUnsafeBytes { UInt(bitPattern: $0.baseAddress) }
    let flags = try #require(Self.flags(ofMappingAt: start))
    // The sandbox of a test may forbid locking; then that is said, and dumps still leave the memory out.
    if SecureHeap.shortcoming == nil {
      #expect(flags.contains("lo"), "locked: \(flags)")
    } else {
      #expect(!flags.contains("lo"))
    }
    #expect(flags.contains("dd"), "not in dumps: \(flags)")
    // The control: ordinary memory is neither.
    let ordinary = UnsafeMutableRawPointer.allocate(byteCount: 1 << 20, alignment: 16)
    defer { ordinary.deallocate() }
    ordinary.storeBytes(of: 1, as: UInt8.self)
    let others = try #require(Self.flags(ofMappingAt: UInt(bitPattern: ordinary)))
    #expect(!others.contains("lo") && !others.contains("dd"))
    withExtendedLifetime(secret) {}
  }

  @Test("when its share of the locked memory is used up a secret is elsewhere, and OpenSSL still makes keys")
  func full() throws {
    var held = [SecretBytes.random(4096)]
    while held.last?.isInSecureHeap == true, held.count < 1_000 { held.append(.random(4096)) }
    #expect(held.count < 1_000 && held.count > 32)
    #expect(held.last?.isInSecureHeap == false)
    let pairs = try (0..<1_024).map { _ in try X25519KeyPair.generate() }
    #expect(Set(pairs.map(\.publicKey)).count == 1_024)
    let last = try #require(held.last)
    #expect(last.withUnsafeBytes { $0.contains { $0 != 0 } })
    held = []
    #expect(SecretBytes.random(32).isInSecureHeap)
  }

  @Test("private keys of OpenSSL's own making use the locked memory too")
  func openSSLKeys() throws {
    _ = SecretBytes.random(1)
    let before = CRYPTO_secure_used()
    let pairs = try (0..<500).map { _ in try X25519KeyPair.generate() }
    let between = CRYPTO_secure_used()
    #expect(between >= before + 8_000, "32 bytes each, less what others gave back meanwhile")
    let keys = try (0..<500).map { _ in try P256PrivateKey.generate() }
    #expect(CRYPTO_secure_used() >= between + 8_000)
    withExtendedLifetime((pairs, keys)) {}
  }

  @Test("secrets are equal by their bytes, and nothing shows them")
  func hidden() {
    let secret = SecretBytes(copying: Array("the secret".utf8))
    #expect(secret == SecretBytes(copying: Array("the secret".utf8)))
    #expect(secret != SecretBytes(copying: Array("the secreT".utf8)))
    #expect(secret != SecretBytes(copying: []))
    var shown = "\(secret) \(String(reflecting: secret))"
    dump(secret, to: &shown)
    #expect(shown.contains("10 bytes withheld"))
    #expect(!shown.contains("the secret") && !shown.contains("116"))
  }

  /// The flags of the mapping that holds the address, as /proc/self/smaps names them.
  private static func flags(ofMappingAt address: UInt) -> [Substring]? {
    guard let file = fopen("/proc/self/smaps", "r") else { return nil }
    defer { fclose(file) }
    var line = [CChar](repeating: 0, count: 8192)
    var isInside = false
    while fgets(&line, Int32(line.count), file) != nil {
      let text = String(decoding: line.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
      let range = text.prefix { $0 != " " }.split(separator: "-")
      if range.count == 2, let start = UInt(range[0], radix: 16), let end = UInt(range[1], radix: 16) {
        isInside = (start..<end).contains(address)
      } else if isInside, text.hasPrefix("VmFlags:") {
        return text.dropFirst(8).split(whereSeparator: { $0 == " " || $0 == "\n" })
      }
    }
    return nil
  }
}

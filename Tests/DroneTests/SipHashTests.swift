import Testing

@testable import Drone

@Suite("SipHash") struct SipHashTests {
  /// 0, 1, 2 and so on, as in the paper's appendix A.
  private let paper = SipHash(0x0706_0504_0302_0100, 0x0f0e_0d0c_0b0a_0908)

  private func hash(_ count: Int) -> UInt64 {
    (0..<count).map { UInt8($0) }.withUnsafeBytes { paper.hash($0, compression: 2, finalization: 4) }
  }

  @Test("it is that of the paper and of its authors' test vectors, for every length of the last block")
  func vectors() {
    #expect(hash(15) == 0xa129_ca61_49be_45e5)
    let vectors: [UInt64] = [
      0x726f_db47_dd0e_0e31, 0x74f8_39c5_93dc_67fd, 0x0d6c_8009_d9a9_4f5a, 0x8567_6696_d7fb_7e2d,
      0xcf27_94e0_2771_87b7, 0x1876_5564_cd99_a68d, 0xcbc9_466e_58fe_e3ce, 0xab02_00f5_8b01_d137,
      0x93f5_f579_9a93_2462,
    ]
    #expect((0..<9).map(hash) == vectors)
  }

  @Test("the same key has the same hash wherever it lies, and others have others")
  func alignment() {
    let bytes = (0..<64).map { UInt8(truncatingIfNeeded: $0 * 7) }
    var seen: Set<UInt64> = []
    for length in 0..<32 {
      for offset in 0..<8 {
        let key = Array(bytes[offset..<offset + length])
        let moved = [UInt8](repeating: 1, count: offset) + key
        let here = key.withUnsafeBytes { SipHash.ofProcess.hash($0) }
        let there = moved.withUnsafeBytes {
          SipHash.ofProcess.hash(UnsafeRawBufferPointer(rebasing: $0[offset...]))
        }
        #expect(here == there)
        seen.insert(here)
      }
    }
    #expect(seen.count == 31 * 8 + 1)
  }
}

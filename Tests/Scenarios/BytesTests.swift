import ClusterFixture
import Keyval
import Testing
import Wire

@Suite("Keys and values in a real cluster")
struct BytesTests {
  @Test(
    "what was put is got byte for byte, by another client too, and gone when deleted", .timeLimit(.minutes(2))
  )
  func byteForByte() async throws {
    try await ClusterFixture.run(drones: 1) { cluster in
      let writer = try cluster.client()
      let reader = try cluster.client()
      let pairs: [(key: [UInt8], value: [UInt8])] = [
        (Array("greeting".utf8), Array("hello".utf8)),
        (Array("empty".utf8), []),
        ([0], [0]),
        ([UInt8](repeating: 0xFF, count: Limits.maximumKeyLength), Array(0...255)),
        (Array("Straße/naïve/日本語/🗝️".utf8), Array("значение 🗝️\u{0}\r\n".utf8)),
        (
          [UInt8](repeating: 1, count: Limits.maximumKeyLength),
          (0..<Limits.maximumValueLength).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        ),
      ]
      for (key, value) in pairs {
        #expect(try await writer.get(key) == nil)
        #expect(try await writer.put(key, value) == false)
        #expect(try await reader.get(key) == value)
        #expect(try await writer.put(key, value) == true)
      }
      for (key, _) in pairs {
        #expect(try await reader.delete(key) == true)
        #expect(try await writer.get(key) == nil)
        #expect(try await writer.delete(key) == false)
      }
    }
  }
}

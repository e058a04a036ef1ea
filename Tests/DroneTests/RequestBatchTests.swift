import Cluster
import Testing
import Wire

@testable import Drone

@Suite("Requests that are decoded together") struct RequestBatchTests {
  private static func record(_ count: UInt64) -> [UInt8] {
    var writer = CBORWriter()
    for number in 0..<count {
      [UInt8]("key \(number)".utf8).withUnsafeBytes {
        DataRequest.get(number: number, key: $0).encode(into: &writer)
      }
    }
    return writer.bytes
  }

  @Test("all come out in their order, as many at a time as there is room for")
  func order() {
    var batch = RequestBatch()
    var batches: [[UInt64]] = []
    Self.record(40).withUnsafeBytes { bytes in
      var reader = CBORReader(bytes)
      while !reader.isAtEnd {
        #expect(batch.fill(from: &reader) == nil)
        var numbers: [UInt64] = []
        batch.empty { located in
          numbers.append(located.request.number ?? .max)
          let key = located.place?.key
          #expect(key != nil && key?.hash == located.request.key.map { HashedKey($0).hash })
          #expect(located.place?.partition == located.request.partition)
        }
        batches.append(numbers)
      }
    }
    #expect(batches.map(\.count) == [16, 16, 8])
    #expect(batches.flatMap { $0 } == Array(0..<40))
  }

  @Test("what came before something that is no request is handled, and then it is told")
  func failure() {
    var batch = RequestBatch()
    var numbers: [UInt64?] = []
    (Self.record(2) + [0xff]).withUnsafeBytes { bytes in
      var reader = CBORReader(bytes)
      #expect(batch.fill(from: &reader) != nil)
      batch.empty { numbers.append($0.request.number) }
    }
    #expect(numbers == [0, 1])
  }

  private struct Refused: Error {}

  @Test("where one ends the session those behind it are let go of")
  func refusal() {
    var batch = RequestBatch()
    var numbers: [UInt64?] = []
    Self.record(3).withUnsafeBytes { bytes in
      var reader = CBORReader(bytes)
      #expect(batch.fill(from: &reader) == nil)
      #expect(throws: Refused.self) {
        try batch.empty { located throws(Refused) in
          numbers.append(located.request.number)
          if numbers.count == 2 { throw Refused() }
        }
      }
      batch.empty { numbers.append($0.request.number) }
    }
    #expect(numbers == [0, 1])
  }
}

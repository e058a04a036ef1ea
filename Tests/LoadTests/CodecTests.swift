import Cluster
import Testing
import Wire

@testable import Load

@Suite("Requests and answers of a load") struct CodecTests {
  private static let names = (try? KeyNames(length: 16, count: 1_000_000))

  private static func decode<Value>(
    _ bytes: [UInt8], _ length: Int, _ body: (DataRequest) throws -> Value
  ) throws -> Value {
    try bytes.withUnsafeBytes { bytes in
      var reader = CBORReader(UnsafeRawBufferPointer(rebasing: bytes[..<length]))
      let request = try DataRequest(from: &reader)
      try reader.requireEnd()
      return try body(request)
    }
  }

  @Test(
    "a get that is written over a template is the get that a drone reads", arguments: [0, 1, 700, 65_279])
  func gets(number: Int) throws {
    let names = try #require(Self.names)
    let templates = RequestTemplates(names: names, valueBytes: 32, level: nil)
    var bytes = [UInt8](repeating: 0xff, count: templates.longest)
    let length = bytes.withUnsafeMutableBytes { templates.writeGet(number, key: 4_321, into: $0) }
    try Self.decode(bytes, length) { request in
      guard case .read(let read) = request else {
        Issue.record("\(request)")
        return
      }
      #expect(read.kind == .get && read.number == UInt64(number) + RequestTemplates.firstNumber)
      #expect(Array(read.key) == names.key(4_321))
    }
  }

  @Test(
    "a put that is written over a template is the put that a drone reads",
    arguments: [0, 1, 23, 24, 32, 255, 256, 70_000],
    [nil] + AcknowledgementLevel.allCases.map { Optional($0) })
  func puts(valueBytes: Int, level: AcknowledgementLevel?) throws {
    for length in [4, 16, 30, 300] {
      let names = try KeyNames(length: length, count: 1_000)
      let templates = RequestTemplates(names: names, valueBytes: valueBytes, level: level)
      var bytes = [UInt8](repeating: 0xff, count: templates.longest)
      let written = bytes.withUnsafeMutableBytes { templates.writePut(9, write: 77, key: 321, into: $0) }
      try Self.decode(bytes, written) { request in
        guard case .write(let put) = request else {
          Issue.record("\(request)")
          return
        }
        #expect(put.kind == .put && put.number == 9 + RequestTemplates.firstNumber)
        #expect(put.write == 77 + RequestTemplates.firstWrite)
        #expect(!put.isRetry && put.level == level)
        #expect(Array(put.key) == names.key(321))
        #expect(put.value?.count == valueBytes)
      }
    }
  }

  private static func scan(_ answers: [DataAnswer]) throws -> [(AnswerOutcome, Int)] {
    var writer = CBORWriter()
    for answer in answers { answer.encode(into: &writer) }
    return try writer.bytes.withUnsafeBytes { bytes in
      var scanner = AnswerScanner(bytes)
      var found: [(AnswerOutcome, Int)] = []
      while !scanner.isAtEnd { found.append(try scanner.next()) }
      return found
    }
  }

  @Test("every answer is recognised, whatever comes before and behind it")
  func answers() throws {
    try [UInt8](repeating: 1, count: 300).withUnsafeBytes { bytes in
      func value(_ count: Int) -> UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: bytes[..<count]) }
      let answers: [(DataAnswer, AnswerOutcome)] = [
        (.value(number: 256, value(0)), .value), (.value(number: 257, value(23)), .value),
        (.value(number: 300, value(24)), .value), (.value(number: 65_535, value(300)), .value),
        (.notFound(number: 256), .notFound), (.done(number: 299, .written(existed: true)), .done),
        (.done(number: 299, .written(existed: false)), .done),
        (.done(number: 299, .written(existed: nil)), .done),
        (.moved(number: 256, term: .none, version: 70), .moved),
        (.unavailable(number: 256, .busy), .unavailable), (.unavailable(number: 256, .released), .unknown),
        (.failed(number: 256, .memoryFull), .failed(.memoryFull)),
        (.outcomeUnknown(number: 256), .unknown), (.limited(number: 256, wait: 12), .limited(12)),
      ]
      for (first, outcome) in answers {
        for (second, other) in answers {
          let found = try Self.scan([first, second])
          #expect(found.map(\.0) == [outcome, other])
          #expect(found.map(\.1) == [first, second].map { Int($0.number) - 256 })
        }
      }
    }
  }

  @Test("bytes that end in the middle of an answer are refused, and read no further")
  func cut() throws {
    var writer = CBORWriter()
    [UInt8](repeating: 7, count: 40).withUnsafeBytes {
      DataAnswer.value(number: 256, $0).encode(into: &writer)
    }
    DataAnswer.done(number: 257, .written(existed: true)).encode(into: &writer)
    // What is there of the first answer is one, or none; what is left of the second is none.
    for length in 1..<writer.count where length != writer.count - 6 {
      writer.bytes.withUnsafeBytes { bytes in
        var scanner = AnswerScanner(UnsafeRawBufferPointer(rebasing: bytes[..<length]))
        #expect(throws: CBORError.self, "\(length) bytes") {
          while !scanner.isAtEnd { _ = try scanner.next() }
        }
      }
    }
  }
}

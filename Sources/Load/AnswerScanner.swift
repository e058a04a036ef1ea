import Cluster
import Wire

/// What an answer comes to, for somebody who counts.
enum AnswerOutcome: Equatable {
  case value, notFound, done
  /// Not executed: the drone does not serve the key any more.
  case moved
  /// Not executed: to be asked again soon.
  case unavailable
  /// Not executed: to be asked again after so many milliseconds.
  case limited(UInt64)
  /// It may have been executed.
  case unknown
  case failed(DataAnswer.Failure)
  /// Nothing that was asked.
  case stray
}

/// Reads a record of answers in place. The usual ones are recognised by their first bytes; every other one is
/// decoded as the client library decodes it.
struct AnswerScanner {
  private let bytes: UnsafeRawBufferPointer
  private var offset = 0

  init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

  var isAtEnd: Bool { offset >= bytes.count }

  // Array of so many items, kind, and the head of a number of two bytes, as the numbers of a load are.
  private static let value: UInt32 = 0x8310_1900
  private static let notFound: UInt32 = 0x8211_1900
  private static let done: UInt32 = 0x8312_1900

  /// The next answer and the number of its request, less the first number.
  mutating func next() throws(CBORError) -> (AnswerOutcome, number: Int) {
    let rest = bytes.count - offset
    // Also of the shortest, a value's head or a Bool follows or the answer ends: six bytes are there to be looked at.
    guard rest >= 6 else { return try decode() }
    let head = UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
    let number = Int(bytes[offset + 3]) << 8 | Int(bytes[offset + 4])
    let first = Int(RequestTemplates.firstNumber)
    switch head & 0xffff_ff00 {
    case Self.value:
      // A byte string of less than 256 bytes: its length stands in the head, or in the byte behind it.
      let initial = bytes[offset + 5]
      let (headLength, length): (Int, Int)
      switch initial {
      case 0x40...0x57: (headLength, length) = (1, Int(initial - 0x40))
      case 0x58 where rest > 6: (headLength, length) = (2, Int(bytes[offset + 6]))
      default: return try decode()
      }
      guard rest >= 5 + headLength + length else { return try decode() }
      offset += 5 + headLength + length
      return (.value, number - first)
    case Self.done:
      guard (0xf4...0xf6).contains(bytes[offset + 5]) else { return try decode() }
      offset += 6
      return (.done, number - first)
    case Self.notFound:
      offset += 5
      return (.notFound, number - first)
    default:
      return try decode()
    }
  }

  private mutating func decode() throws(CBORError) -> (AnswerOutcome, number: Int) {
    var reader = CBORReader(UnsafeRawBufferPointer(rebasing: bytes[offset...]))
    let answer = try DataAnswer(from: &reader)
    offset += reader.offset
    let outcome: AnswerOutcome =
      switch answer {
      case .value, .versioned: .value
      case .notFound: .notFound
      case .done: .done
      case .moved: .moved
      // It may be in the database already.
      case .unavailable(_, .released), .outcomeUnknown: .unknown
      case .unavailable: .unavailable
      case .limited(_, let wait): .limited(wait)
      case .failed(_, let failure): .failed(failure)
      case .topology, .status, .administered, .sessions: .stray
      }
    guard let number = Int(exactly: answer.number) else { return (.stray, 0) }
    return (outcome, number - Int(RequestTemplates.firstNumber))
  }
}

import Cluster
import Wire

extension DataCore {
  /// An answer that had to wait: of a write or read for its second place, of a request until its partition went away.
  public struct Completion: Equatable, Sendable {
    public enum Answer: Equatable, Sendable {
      case done(Outcome)
      case versioned([UInt8], Version)
      case notFound
      case unavailable(DataAnswer.Unavailability)
    }

    public let replyTo: ReplyAddress
    public let answer: Answer
    /// What was read under a lease may leave until then.
    public let leaseEnd: Instant

    init(replyTo: ReplyAddress, _ answer: Answer, leaseEnd: Instant = Instant(milliseconds: .max)) {
      (self.replyTo, self.answer, self.leaseEnd) = (replyTo, answer, leaseEnd)
    }

    public func encode(into answers: inout CBORWriter) {
      let number = replyTo.number
      switch answer {
      case .done(let outcome):
        DataAnswer.done(number: number, outcome.told(mayRead: replyTo.mayRead)).encode(into: &answers)
      case .versioned(let value, let version):
        value.withUnsafeBytes {
          DataAnswer.versioned(number: number, $0, version).encode(into: &answers)
        }
      case .notFound: DataAnswer.notFound(number: number).encode(into: &answers)
      case .unavailable(let reason): DataAnswer.unavailable(number: number, reason).encode(into: &answers)
      }
    }
  }
}

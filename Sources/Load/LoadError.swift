import Cluster

/// Why there is no load, or no more of it.
public enum LoadError: Error, Equatable, Sendable, CustomStringConvertible {
  case badMix(String)
  case badSize(String)
  /// The drone says that a request cannot succeed, however often it is asked.
  case refused(drone: String, DataAnswer.Failure)
  /// No session with a drone comes about.
  case noSession(drone: String, reason: String)
  /// A drone's answer is none.
  case badAnswer(drone: String, reason: String)
  /// Nobody serves any key, or the map names no drone.
  case noOwner
  /// Not all keys that were to be put are known to be.
  case incomplete
  /// Answers that did not come within half a minute after the last request.
  case unanswered(Int)

  public var description: String {
    switch self {
    case .badMix(let sentence), .badSize(let sentence): sentence
    case .refused(let drone, let failure): "\(drone) refuses the load: \(failure.sentence)"
    case .noSession(let drone, let reason): "there is no session with \(drone): \(reason)"
    case .badAnswer(let drone, let reason): "\(drone) answers what cannot be read: \(reason)"
    case .noOwner: "nobody serves the keys at the moment: see keyval status, and try again"
    case .incomplete:
      "not all keys are known to have been put: slots moved, or a drone went away meanwhile; try again"
    case .unanswered(let count):
      "\(count) requests were not answered within 30 s: see keyval status and the drones' logs"
    }
  }
}

extension DataAnswer.Failure {
  fileprivate var sentence: String {
    switch self {
    case .keyTooLong: "the keys are too long"
    case .valueTooLong: "the values are too long; take fewer --value-bytes"
    case .keyEmpty: "a key is empty"
    case .notIntroduced: "the session was not introduced"
    case .notCommander: "it is not the commander"
    case .notPermitted:
      "the access list does not give you these keys; it takes a line such as ‘alice@REALM rw key:’"
    case .numberReused: "a write has the number of another"
    case .memoryFull: "its memory is full; take fewer keys, or give it more room"
    case .quotaReached: "the quota of the keys' prefix is reached; take fewer keys, or raise it"
    }
  }
}

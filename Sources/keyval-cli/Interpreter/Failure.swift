import Cluster
import Kerberos
import Keyval
import Load
import LocalCluster
import Node
import Provisioning

/// An error as a person meets it: a sentence and an exit status.
struct Failure: Error, Equatable, Sendable {
  let status: CommandStatus
  let sentence: String

  init(status: CommandStatus, sentence: String) {
    self.status = status
    self.sentence = sentence
  }

  init(_ error: any Error) {
    switch error {
    case let error as Failure: self = error
    case let error as OutputError: self.init(status: .inputOutput, sentence: error.description)
    case let error as InputError: self.init(status: .inputOutput, sentence: error.description)
    case let error as KeyvalError: self.init(error)
    case let error as LocalClusterError:
      self.init(status: Self.status(error.fault), sentence: error.description)
    case let error as ProvisioningError:
      self.init(status: Self.status(error.fault), sentence: error.description)
    case let error as NodeError:
      self.init(status: CommandStatus(rawValue: error.exitStatus), sentence: error.description)
    case let error as LoadError: self.init(status: Self.status(error), sentence: error.description)
    case let error as KerberosError: self.init(status: Self.status(error.reason), sentence: error.description)
    case let error as PrincipalError: self.init(status: .usage, sentence: error.description)
    default: self.init(status: .unavailable, sentence: String(describing: error))
    }
  }

  private init(_ error: KeyvalError) {
    let status: CommandStatus =
      switch error {
      case .noTicket, .ticketExpired, .otherPrincipal: .noTicket
      case .keyEmpty, .keyTooLong, .valueTooLong, .noSuchDrone: .usage
      case .badConfiguration: .configuration
      case .notPermitted, .refused, .credential: .notPermitted
      case .mapRefused: .badData
      case .memoryFull, .quotaReached, .tooManyRequests: .temporary
      case .noReachableNode, .deadlineExceeded, .outcomeUnknown, .closed: .unavailable
      }
    self.init(status: status, sentence: KinitLine.typable(error.description))
  }

  private static func status(_ error: LoadError) -> CommandStatus {
    switch error {
    case .badMix, .badSize: .usage
    case .refused(_, .notPermitted): .notPermitted
    case .refused: .temporary
    case .badAnswer: .badData
    case .noSession, .noOwner, .incomplete, .unanswered: .unavailable
    }
  }

  init(interruptedBy signal: Int32) {
    self.init(status: .interrupted(signal), sentence: "interrupted")
  }

  private static func status(_ reason: KerberosError.Reason) -> CommandStatus {
    switch reason {
    case .noTicket, .ticketExpired, .otherPrincipal: .noTicket
    case .kdcUnreachable: .unavailable
    case .badArgument: .usage
    case .unusableFile: .noInput
    default: .notPermitted
    }
  }

  private static func status(_ fault: LocalClusterError.Fault) -> CommandStatus {
    switch fault {
    case .input: .usage
    case .system: .systemFailure
    case .process, .interrupted: .unavailable
    case .unfinished: .temporary
    }
  }

  private static func status(_ fault: ProvisioningError.Fault) -> CommandStatus {
    switch fault {
    case .input: .usage
    case .system: .systemFailure
    case .missingProgram, .program, .portTaken: .unavailable
    }
  }
}

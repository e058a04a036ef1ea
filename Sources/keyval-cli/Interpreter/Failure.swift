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
    default: self.init(status: .unavailable, sentence: String(describing: error))
    }
  }
}

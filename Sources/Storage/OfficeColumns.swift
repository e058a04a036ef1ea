import Cluster

/// An office's state as columns: 0 vacant, 1 to 4 the last step done, 5 certified, 6 burnt.
struct OfficeColumns {
  let state: Int64
  let winner: Winner?
  let certificate: IssuedCertificate?

  private static let certified: Int64 = 5
  private static let burnt: Int64 = 6

  init(state: Int64, winner: Winner?, certificate: IssuedCertificate?) {
    self.state = state
    self.winner = winner
    self.certificate = certificate
  }

  init(_ state: OfficeRecord.State) {
    switch state {
    case .vacant: self.init(state: 0, winner: nil, certificate: nil)
    case .certifying(let winner, let step):
      self.init(state: step.rawValue, winner: winner, certificate: nil)
    case .certified(let winner, let certificate):
      self.init(state: Self.certified, winner: winner, certificate: certificate)
    case .burnt(let winner): self.init(state: Self.burnt, winner: winner, certificate: nil)
    }
  }

  /// Nil when the columns do not belong together.
  var officeState: OfficeRecord.State? {
    switch (state, winner, certificate) {
    case (0, nil, nil): .vacant
    case (Self.certified, let winner?, let certificate?): .certified(winner, certificate)
    case (Self.burnt, let winner?, nil): .burnt(winner)
    case (let number, let winner?, nil):
      OfficeRecord.Step(rawValue: number).map { .certifying(winner, done: $0) }
    default: nil
    }
  }
}

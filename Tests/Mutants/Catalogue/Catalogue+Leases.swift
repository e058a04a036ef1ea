/// At drones, of their leases.
extension Catalogue {
  static let leases: [Mutant] = [
    Mutant(
      "countLeaseFromReceipt", "Counts a lease from the commander's answer instead of the question.",
      .foundBy(seed: 70),
      .expression(
        "lease.end(of: renewal.nonce, milliseconds: milliseconds)",
        is: "lease.end(of: renewal.nonce, milliseconds: milliseconds).map { _ in now + milliseconds }",
        in: "Drone/DroneCore.swift")),
    Mutant(
      "sampleClockBeforeExecuting", "Looks at the clock before a batch is executed, not after it.",
      .foundBy(seed: 157),
      .expression(
        "core.mayLeave { drone.now }", is: "core.mayLeave { sampled }",
        in: "Simulation/ClientConnection.swift"),
      .declarations(
        """
        private var sampled = Instant(milliseconds: 0)

        """, before: "init(_ session: Session, on loop: DataLoop) {", in: "Simulation/ClientConnection.swift"),
      .before(
        "core.beginCycle()", "sampled = drone.now",
        in: "Simulation/ClientConnection.swift"),
      .before(
        "loop.executor.perform([{ [self] in flush() }])", "sampled = drone.now",
        in: "Simulation/ClientConnection.swift")),
    Mutant(
      "ignoreLeaseExpiry", "Answers reads whatever the lease.", .foundBy(seed: 45),
      .expression("data.leaseEnd > now", is: "true", in: "Drone/DataCore.swift"),
      .expression("data.leaseEnd > now", is: "true", in: "Drone/SharedPartitions.swift"),
      .expression("core.mayLeave { drone.now }", is: "true", in: "Simulation/ClientConnection.swift")),
    Mutant(
      "keepLapsed", "Reports what lapsed under an earlier commander to a new one, as if it had been kept.",
      .hidden(
        """
        The commander compares what a drone kept with what the database has stored, so that a drone that keeps it is \
        the second mistake that would have to be made.
        """),
      .expression(
        "holdings.dropLapsed(for: commander.term, now: now)", is: "[]", in: "Drone/DroneCore.swift")),
  ]
}

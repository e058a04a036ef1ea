/// At drones, of who their clients are and what they may.
extension Catalogue {
  static let clients: [Mutant] = [
    Mutant(
      "forgetPrincipal", "Knows a client by what it calls itself, whoever its principal is.",
      .foundBy(seed: 2),
      .expression(
        "announced.bound(to: principal)", is: "announced", in: "Drone/Loop/ClientSessionCore.swift")),
    Mutant(
      "ignoreAccessList", "Executes what a client asks, whatever its rights.", .foundBy(seed: 1),
      .before("let isPermitted =", "return .permitted", in: "Drone/ClientAccess.swift")),
    Mutant(
      "trustRetries",
      "Executes a retry whatever the client's rights, as if its first attempt had been let through.",
      .foundBy(seed: 2),
      .before(
        "let isPermitted =", "if case .write(let request) = request, request.isRetry { return .permitted }",
        in: "Drone/ClientAccess.swift")),
  ]
}

import Testing

@testable import Sessions

@Suite("Limits of sessions")
struct SessionLimitsTests {
  @Test("enough file descriptors give all limits in full, and few are shared out with some left for files")
  func fitting() {
    let usual = SessionLimits()
    let enough = usual.fitting(descriptors: 16_384)
    #expect(enough.sessions == usual.sessions)
    #expect(enough.nodeSessions == usual.nodeSessions)
    #expect(enough.unauthenticatedConnections == usual.unauthenticatedConnections)
    // What an operator allows a principal and an address beyond what is usual stays so, too.
    var generous = usual
    (generous.sessionsPerPrincipal, generous.sessionsPerSource) = (6_000, 6_000)
    #expect(generous.fitting(descriptors: 16_384).sessionsPerPrincipal == 6_000)
    #expect(generous.fitting(descriptors: 16_384).sessionsPerSource == 6_000)
    #expect(generous.fitting(descriptors: 16_000).sessionsPerPrincipal == 2_000)
    #expect(generous.fitting(descriptors: 16_000).sessionsPerSource == 4_000)
    for descriptors in [0, 1, 64, 256, 1024, 4096, 20_000, 1 << 20] {
      let limits = usual.fitting(descriptors: descriptors)
      let taken =
        limits.sessions + limits.nodeSessions + limits.unauthenticatedConnections
        + limits.unauthenticatedMemberConnections
      if descriptors >= 64 { #expect(taken <= descriptors - descriptors / 8, "\(descriptors)") }
      #expect(limits.sessionsPerPrincipal < limits.sessions, "\(descriptors)")
      #expect(limits.sessionsPerSource <= limits.sessions, "\(descriptors)")
      #expect(limits.unauthenticatedConnectionsPerSource >= 1, "\(descriptors)")
      #expect(limits.unauthenticatedMemberConnections >= 1, "\(descriptors)")
    }
  }
}

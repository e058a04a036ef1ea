import Testing

/// Attacks on real nodes. Each shows that it is refused for the right reason, and that the node it was aimed at
/// still serves others. They share one cluster, so they come one after the other.
@Suite("Security", .serialized, .timeLimit(.minutes(3)))
enum SecurityTests {}

import Cluster

/// A load: what is asked, how much of it at a time, and for how long.
public struct LoadPlan: Sendable {
  public enum Distribution: String, Sendable, CaseIterable {
    /// All keys alike.
    case uniform
    /// Few keys most of the time, as YCSB draws them.
    case zipfian
  }

  public enum Extent: Sendable, Equatable {
    case seconds(Double)
    case requests(UInt64)
  }

  public var mix: OperationMix
  public var keys: KeyNames
  public var valueBytes: Int
  public var distribution: Distribution
  /// What has to be true of a put before it is answered; nil: what the cluster is configured for.
  public var level: AcknowledgementLevel?
  /// Requests under way on each connection.
  public var depth: Int
  public var extent: Extent
  /// Requests a second, of all connections; nil: each as soon as the one before it is answered.
  public var rate: UInt64?

  public static let maximumDepth = RequestTemplates.maximumNumbers

  public init(
    mix: OperationMix = .get, keys: KeyNames, valueBytes: Int = 32, distribution: Distribution = .uniform,
    level: AcknowledgementLevel? = nil, depth: Int = 1, extent: Extent = .seconds(10), rate: UInt64? = nil
  ) {
    self.mix = mix
    self.keys = keys
    self.valueBytes = valueBytes
    self.distribution = distribution
    self.level = level
    self.depth = depth
    self.extent = extent
    self.rate = rate
  }
}

/// Tells somebody who waits what is being done, a line a step with its time.
public struct StepReporter: Sendable {
  private let tell: @Sendable (String) -> Void

  /// - Parameter tell: takes one line at a time, without its end.
  public init(_ tell: @escaping @Sendable (String) -> Void) { self.tell = tell }

  /// Runs the step. Its line comes when it is done, or says that it failed.
  public func step<Result>(_ title: String, _ body: () async throws -> Result) async throws -> Result {
    let start = ContinuousClock.now
    do {
      let result = try await body()
      tell("  ok    \(title) (\(Self.seconds(since: start)))")
      return result
    } catch {
      tell("FAILED  \(title) (\(Self.seconds(since: start)))")
      throw error
    }
  }

  public func remark(_ text: String) { tell(text) }

  private static func seconds(since start: ContinuousClock.Instant) -> String {
    let milliseconds = (ContinuousClock.now - start) / .milliseconds(1)
    let hundredths = Int((milliseconds / 10).rounded())
    let rest = hundredths % 100
    return "\(hundredths / 100).\(rest < 10 ? "0" : "")\(rest) s"
  }
}

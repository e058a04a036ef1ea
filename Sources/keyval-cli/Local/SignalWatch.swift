import Dispatch
import Glibc
import Synchronization

/// Takes the signals that ask a program to end, so that it can end in order. Only the first one counts, and once more
/// the second: whoever sends that is in a hurry.
final class SignalWatch: Sendable {
  private struct State {
    var received: Int32?
    var listeners: [@Sendable (Int32) -> Void] = []
    var isHurried = false
    var hurriedListeners: [@Sendable () -> Void] = []
  }

  private let state = Mutex(State())
  // Never touched again, only kept: a source that is let go of hears nothing.
  nonisolated(unsafe) private let sources: [any DispatchSourceSignal]

  /// From its return on the signals are taken.
  init(_ signals: [Int32] = [SIGINT, SIGTERM, SIGHUP, SIGQUIT]) {
    let queue = DispatchQueue(label: "keyval.signals")
    sources = signals.map { DispatchSource.makeSignalSource(signal: $0, queue: queue) }
    // Until a source is registered its signal ends the process.
    let registered = DispatchGroup()
    for (signal, source) in zip(signals, sources) {
      source.setEventHandler { [weak self] in self?.receive(signal) }
      registered.enter()
      source.setRegistrationHandler { registered.leave() }
      source.resume()
    }
    registered.wait()
  }

  /// Runs the body once, at the first signal; at once if that has come already.
  func onSignal(_ body: @escaping @Sendable (Int32) -> Void) {
    let received = state.withLock { state -> Int32? in
      if state.received == nil { state.listeners.append(body) }
      return state.received
    }
    if let received { body(received) }
  }

  /// Runs the body once, at the second signal; at once if that has come already.
  func onSecondSignal(_ body: @escaping @Sendable () -> Void) {
    let isHurried = state.withLock { state in
      if !state.isHurried { state.hurriedListeners.append(body) }
      return state.isHurried
    }
    if isHurried { body() }
  }

  /// Whether a second signal has come.
  var isHurried: Bool { state.withLock { $0.isHurried } }

  var received: Int32? { state.withLock { $0.received } }

  private func receive(_ signal: Int32) {
    let (first, second) = state.withLock {
      state -> ([@Sendable (Int32) -> Void], [@Sendable () -> Void]) in
      guard state.received != nil else {
        state.received = signal
        defer { state.listeners = [] }
        return (state.listeners, [])
      }
      state.isHurried = true
      defer { state.hurriedListeners = [] }
      return ([], state.hurriedListeners)
    }
    for listener in first { listener(signal) }
    for listener in second { listener() }
  }

  /// The result of the work, or the signal that came before it was done. The work goes on regardless: reading a
  /// terminal cannot be called off.
  func race<Result: Sendable>(_ work: @escaping @Sendable () async -> Result) async -> Outcome<Result> {
    await withCheckedContinuation { continuation in
      let finish = Once(continuation)
      onSignal { finish.resume(.signal($0)) }
      Task { finish.resume(.done(await work())) }
    }
  }

  enum Outcome<Result: Sendable>: Sendable {
    case done(Result)
    case signal(Int32)
  }
}

/// A continuation that the first of several resumes.
private final class Once<Value: Sendable>: Sendable {
  private let continuation: Mutex<CheckedContinuation<Value, Never>?>

  init(_ continuation: CheckedContinuation<Value, Never>) { self.continuation = Mutex(continuation) }

  func resume(_ value: Value) {
    let first = continuation.withLock { continuation -> CheckedContinuation<Value, Never>? in
      defer { continuation = nil }
      return continuation
    }
    first?.resume(returning: value)
  }
}

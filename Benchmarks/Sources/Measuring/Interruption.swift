import Dispatch
import Foundation

/// What is done when somebody interrupts a run: the programs that it has started would go on without it.
package struct Interruption {
  private let signals: [any DispatchSourceSignal]

  /// - Parameter takeDown: ends everything; the program ends behind it, with 128 and the signal's number.
  package init(_ takeDown: @escaping @Sendable () -> Void) {
    signals = [SIGINT, SIGTERM, SIGHUP].map { number in
      let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
      source.setEventHandler {
        takeDown()
        Foundation.exit(128 + number)
      }
      source.resume()
      return source
    }
  }

  /// It is in force until then.
  package func end() { for signal in signals { signal.cancel() } }
}

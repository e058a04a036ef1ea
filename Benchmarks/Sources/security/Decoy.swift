import Dispatch
import Glibc
import Measuring
import Synchronization
import Transport

/// A listener that does nothing with what comes but close it when 128 others have come, as a node does.
///
/// Whoever attacks it costs this machine what any attacker costs by himself: by system calls and nothing
/// else.
final class Decoy: Sendable {
  let address: NodeAddress
  private let listener: Int32
  private let isOver = StopFlag()
  private static let most = 128

  init() throws {
    let (listener, port) = try LoopbackPort.bound()
    guard listen(listener, 1024) == 0 else {
      Glibc.close(listener)
      throw BenchmarkError("the decoy cannot listen")
    }
    self.listener = listener
    address = try NodeAddress("127.0.0.1:\(port)")
    DispatchQueue(label: "decoy").async { self.serve() }
  }

  private func serve() {
    var open: [Int32] = []
    while !isOver.isRaised {
      var poll = pollfd(fd: listener, events: Int16(POLLIN), revents: 0)
      guard Glibc.poll(&poll, 1, 100) > 0 else { continue }
      let descriptor = accept(listener, nil, nil)
      if descriptor >= 0 { open.append(descriptor) }
      if open.count > Self.most { Glibc.close(open.removeFirst()) }
    }
    for descriptor in open + [listener] { Glibc.close(descriptor) }
  }

  func close() { isOver.raise() }
}

/// Says once that something is over.
final class StopFlag: Sendable {
  private let value = Atomic(false)

  func raise() { value.store(true, ordering: .relaxed) }
  var isRaised: Bool { value.load(ordering: .relaxed) }
}

import Dispatch
import Glibc
import Transport

/// Opens connections at a node, so many a second, and does with each what its kind says.
struct Attack: Sendable {
  enum Kind: String, CaseIterable, Sendable {
    /// Says nothing, and stays.
    case halfOpen = "half-open connections"
    /// Sends what is no hello.
    case garbage = "connections that send garbage"
    /// Sends a first flight that was recorded: the node has to open the ticket in it.
    case replay = "handshakes that are replayed"
  }

  let kind: Kind
  let address: NodeAddress
  let perSecond: Int
  /// An honest caller's.
  let flight: [UInt8]

  struct Outcome: Sendable {
    /// Connections that were opened.
    let opened: Int
    /// For how long it went on.
    let seconds: Double
    /// Seconds of processor time that the attacker has used.
    let processorTime: Double
  }

  /// Goes on until it is cancelled. On a thread of its own and by system calls alone: the less the attacker
  /// itself costs, the more of what is measured is the node's.
  func run() async -> Outcome {
    let isOver = StopFlag()
    return await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        DispatchQueue(label: "attacker").async { continuation.resume(returning: attack(until: isOver)) }
      }
    } onCancel: {
      isOver.raise()
    }
  }

  private func attack(until isOver: StopFlag) -> Outcome {
    let before = threadTime()
    var connections = Connections()
    let clock = ContinuousClock()
    let began = clock.now
    var (begun, opened) = (0, 0)
    while !isOver.isRaised {
      let now = clock.now
      let due = Int((now - began) / .seconds(1) * Double(perSecond))
      while begun < due {
        begun += 1
        // A node that has too many refuses, and that is what is measured.
        guard let descriptor = connections.open(address, until: now + Self.patience) else { continue }
        opened += 1
        say(descriptor)
      }
      connections.close(before: now)
      usleep(2_000)
    }
    let seconds = (clock.now - began) / .seconds(1)
    connections.closeAll()
    return Outcome(opened: opened, seconds: seconds, processorTime: threadTime() - before)
  }

  /// The node closes it within a second or so; nobody else does.
  private static let patience: Duration = .seconds(3)

  private func say(_ descriptor: Int32) {
    let bytes =
      switch kind {
      case .halfOpen: [UInt8]()
      case .garbage: [UInt8](repeating: 0xff, count: 64)
      case .replay: flight
      }
    guard !bytes.isEmpty else { return }
    _ = send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT))
  }

  private func threadTime() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1_000_000_000
  }
}

/// Connections that stay open until their time is over, all after the same time.
private struct Connections {
  private var open: [(descriptor: Int32, end: ContinuousClock.Instant)] = []
  private var first = 0

  /// - Returns: nil when it does not come about at once.
  mutating func open(_ address: NodeAddress, until end: ContinuousClock.Instant) -> Int32? {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { return nil }
    // How long connecting may take: by loopback it comes about at once, or the node's queue is full.
    var limit = timeval(tv_sec: 0, tv_usec: 10_000)
    setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    var target = sockaddr_in()
    target.sin_family = sa_family_t(AF_INET)
    target.sin_addr.s_addr = inet_addr(address.host)
    target.sin_port = UInt16(address.port).bigEndian
    let isConnected = withUnsafePointer(to: &target) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
      }
    }
    guard isConnected else {
      Glibc.close(descriptor)
      return nil
    }
    open.append((descriptor, end))
    return descriptor
  }

  mutating func close(before now: ContinuousClock.Instant) {
    while first < open.count, open[first].end <= now {
      Glibc.close(open[first].descriptor)
      first += 1
    }
    guard first > 1_000 else { return }
    open.removeFirst(first)
    first = 0
  }

  mutating func closeAll() {
    for connection in open[first...] { Glibc.close(connection.descriptor) }
    (open, first) = ([], 0)
  }
}

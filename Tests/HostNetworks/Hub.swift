import CNamespaces
import Foundation
import Glibc
import Synchronization

/// A thread that hands packets from host to host, along a cable for each pair of them and each direction.
///
/// Only IPv4 between the hosts; everything else (the kernel's search for IPv6 routers, broadcasts) ends here.
final class Hub: Sendable {
  /// What others may change while it runs.
  private struct Plan {
    var cables: [Cable]
    var isClosed = false
  }

  private struct Delayed {
    let due: ContinuousClock.Instant
    let to: Int
    let bytes: [UInt8]
  }

  private let count: Int
  private let plan: Mutex<Plan>
  /// Wakes the thread.
  private let bell: Int32
  private let ended = DispatchSemaphore(value: 0)

  /// - Parameter ends: descriptors of the hosts' interfaces, in the order of their addresses. From now on the hub's.
  init(_ ends: [Int32]) throws(HostNetworkError) {
    count = ends.count
    plan = Mutex(Plan(cables: Array(repeating: .whole, count: ends.count * ends.count)))
    bell = eventfd(0, Int32(EFD_CLOEXEC) | Int32(EFD_NONBLOCK))
    guard bell >= 0 else { throw HostNetworkError("an event descriptor cannot be made", errno) }
    let thread = Thread { [self] in
      forward(ends)
      for descriptor in ends + [bell] { Glibc.close(descriptor) }
      ended.signal()
    }
    thread.name = "hub"
    thread.start()
  }

  func lay(_ cable: Cable, from: Int, to: Int) { plan.withLock { $0.cables[from * count + to] = cable } }

  /// Ends the thread, waits for it, and takes the hosts' interfaces away. Harmless to repeat.
  func close() {
    let isFirst = plan.withLock { plan in
      defer { plan.isClosed = true }
      if !plan.isClosed { eventfd_write(bell, 1) }
      return !plan.isClosed
    }
    if isFirst { ended.wait() }
  }

  // MARK: The thread

  private func forward(_ ends: [Int32]) {
    var polled = (ends + [bell]).map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
    var packet = [UInt8](repeating: 0, count: 1 << 16)
    var delayed: [Delayed] = []
    while !plan.withLock({ $0.isClosed }) {
      poll(&polled, nfds_t(polled.count), patience(delayed.first?.due))
      for from in ends.indices where polled[from].revents != 0 {
        // Everybody gets his turn: nobody more than this at a time.
        for _ in 0..<64 {
          let length = read(ends[from], &packet, packet.count)
          guard length > 0 else { break }
          guard let to = destination(packet, length), to != from else { continue }
          let cable = plan.withLock { $0.cables[from * count + to] }
          if cable.isCut || cable.loss > 0 && Double.random(in: 0..<1) < cable.loss { continue }
          if cable.delay > .zero {
            enqueue(
              Delayed(due: .now + cable.delay, to: to, bytes: Array(packet[..<length])), in: &delayed)
          } else {
            // A host that does not take it has lost it, as with any switch.
            _ = write(ends[to], packet, length)
          }
        }
      }
      let now = ContinuousClock.now
      let due = delayed.prefix { $0.due <= now }
      for packet in due { _ = write(ends[packet.to], packet.bytes, packet.bytes.count) }
      delayed.removeFirst(due.count)
    }
  }

  /// Milliseconds until the next packet is due, rounded up; -1: until something happens.
  private func patience(_ due: ContinuousClock.Instant?) -> Int32 {
    guard let due else { return -1 }
    return Int32(max(0, ((due - .now) / .milliseconds(1)).rounded(.up)))
  }

  /// In the order in which they are due; those due at the same time in the order of their coming.
  private func enqueue(_ packet: Delayed, in delayed: inout [Delayed]) {
    var place = delayed.endIndex
    while place > 0, delayed[place - 1].due > packet.due { place -= 1 }
    delayed.insert(packet, at: place)
  }

  /// Which host an IPv4 packet is for.
  private func destination(_ packet: [UInt8], _ length: Int) -> Int? {
    guard length >= 20, packet[0] >> 4 == 4 else { return nil }
    let address = packet[16..<20].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
    let index = Int(Int64(address) - Int64(HostNetwork.address(0)))
    return (0..<count).contains(index) ? index : nil
  }
}

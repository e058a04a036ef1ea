import MutantSwitches
import Cluster
import Journal

/// The memory that outlives a drone's processes, of one of its loops: the journal's own code writes to it and reads from
/// it, as in the product.
final class JournalDisk: JournalMemory {
  private(set) var bytes = UnsafeMutableRawBufferPointer(start: nil, count: 0)
  /// What is on the disk, and not only in the machine's memory.
  private var durable: [UInt8] = []

  deinit { bytes.deallocate() }

  func replace(count: Int, _ fill: (UnsafeMutableRawBufferPointer) -> Void) -> Bool {
    let next = UnsafeMutableRawBufferPointer.allocate(byteCount: count, alignment: 4096)
    next.initializeMemory(as: UInt8.self, repeating: 0)
    fill(next)
    bytes.deallocate()
    bytes = next
    return true
  }

  func remove() {
    bytes.deallocate()
    bytes = UnsafeMutableRawBufferPointer(start: nil, count: 0)
    durable = []
  }

  func sync() { durable = [UInt8](bytes) }

  /// What is left where the machine has lost its power: what was synced, or of some pages what was written since.
  /// - Parameter isGone: nothing at all.
  func lose(isGone: Bool, _ random: inout SeededRandom) {
    let current = [UInt8](bytes)
    bytes.deallocate()
    bytes = UnsafeMutableRawBufferPointer(start: nil, count: 0)
    guard !isGone, !durable.isEmpty else { return }
    var left = durable
    if current.count == left.count, random.chance(700_000) {
      for start in stride(from: 0, to: left.count, by: 4096) where random.chance(500_000) {
        left[start..<start + 4096] = current[start..<start + 4096]
      }
    }
    bytes = .allocate(byteCount: left.count, alignment: 4096)
    bytes.copyBytes(from: left)
    durable = left
  }
}

/// What becomes of a drone's journals when its machine dies, and not only its process.
extension DroneMachine {
  var boot: JournalOwner.Boot { JournalOwner.Boot(high: UInt64(number), low: boots) }

  /// The last life of which a dead machine has left everything; nil: of none.
  var lastCompleteLife: Incarnation? {
    let owners = journals.prefix(placement.count).map { disk in
      try? JournalReader.read(UnsafeRawBufferPointer(disk.bytes), principal: principal, boot: boot).owner.life
    }
    guard owners.allSatisfy({ $0 != nil }) else { return nil }
    return owners.compactMap { $0 }.min { lives.firstIndex(of: $0) ?? -1 < lives.firstIndex(of: $1) ?? -1 }
  }

  /// What earlier lives have left. What cannot be read is not believed.
  func readStands() -> [JournalStand] {
    var stands: [JournalStand] = []
    for disk in journals where disk.bytes.count > 0 {
      do throws(JournalError) {
        let contents = try JournalReader.read(
          UnsafeRawBufferPointer(disk.bytes), principal: principal, boot: boot)
        stands += contents.stands
      } catch {
        world.trace("\(name) does not believe a journal: \(error)")
        if boots == bootOfJournals { world.violated("\(name) cannot read what it has written: \(error)") }
      }
    }
    return stands
  }

  func makeJournal(_ loop: Int, _ stands: [JournalStand]) -> Journal? {
    if MutantSwitch.forgetJournals.isOn {
      Journal(
        in: journals[loop], owner: JournalOwner(principal: principal, life: incarnation, boot: boot),
        bounds: world.knobs.journal)
    } else {
      Journal(
        in: journals[loop], owner: JournalOwner(principal: principal, life: incarnation, boot: boot),
        bounds: world.knobs.journal, stands: stands)
    }
  }
}

import Cluster
import Journal

/// The memory that outlives a drone's processes, of one of its loops: the journal's own code writes to it and reads from
/// it, as in the product.
final class JournalDisk: JournalMemory {
  private(set) var bytes = UnsafeMutableRawBufferPointer(start: nil, count: 0)

  deinit { bytes.deallocate() }

  func replace(count: Int, _ fill: (UnsafeMutableRawBufferPointer) -> Void) -> Bool {
    let next = UnsafeMutableRawBufferPointer.allocate(byteCount: count, alignment: 4096)
    next.initializeMemory(as: UInt8.self, repeating: 0)
    fill(next)
    bytes.deallocate()
    bytes = next
    return true
  }

  /// What is left where the machine has lost its power: nothing, or some pages that are not as they were.
  func lose(_ random: inout SeededRandom) {
    guard random.chance(500_000), bytes.count > 0 else {
      bytes.deallocate()
      bytes = UnsafeMutableRawBufferPointer(start: nil, count: 0)
      return
    }
    for _ in 0..<1 + random.index(4) {
      let start = random.index(bytes.count / 4096) * 4096
      UnsafeMutableRawBufferPointer(rebasing: bytes[start..<start + 4096])
        .initializeMemory(as: UInt8.self, repeating: 0)
    }
  }
}

/// What becomes of a drone's journals when its machine dies, and not only its process.
extension DroneMachine {
  var boot: JournalOwner.Boot { JournalOwner.Boot(high: UInt64(number), low: boots) }

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
    var kept = stands
    #if KEYVAL_MUTATIONS
      if world.mutations.contains(.forgetJournals) { kept = [] }
    #endif
    return Journal(
      in: journals[loop], owner: JournalOwner(principal: principal, life: incarnation, boot: boot),
      bounds: world.knobs.journal, stands: kept)
  }
}

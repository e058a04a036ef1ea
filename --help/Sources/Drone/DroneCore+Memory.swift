import Cluster

/// How much memory this drone uses, put together from its data loops.
extension DroneCore {
  /// Each loop knows of the others what it was told last, so the highest is nearest to what is so.
  var memory: MemoryUse {
    MemoryUse(
      used: replications.map(\.memory.used).max() ?? 0,
      ceiling: replications.map(\.memory.ceiling).max() ?? 0,
      isFull: replications.contains { $0.memory.isFull })
  }

  /// Said once when it begins, and once when it is over.
  mutating func noteMemory() -> [DroneAction] {
    let memory = memory
    guard memory.isFull != isFull else { return [] }
    isFull = memory.isFull
    return [.note(isFull ? .memoryFull(memory) : .memoryFree(memory))]
  }
}

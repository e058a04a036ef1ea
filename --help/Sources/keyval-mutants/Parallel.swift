import Glibc

/// Does something with one input after the other on as many threads as there are cores.
/// - Parameter take: what comes of each, in the order in which they end; false: no more.
func inParallel<Input: Sendable, Output: Sendable>(
  _ inputs: some Sequence<Input>, work: @escaping @Sendable (Input) -> Output, take: (Output) -> Bool
) async {
  await withTaskGroup(of: Output.self) { group in
    var rest = inputs.makeIterator()
    var goesOn = true
    func add() { if goesOn, let input = rest.next() { group.addTask { work(input) } } }
    for _ in 0..<max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))) { add() }
    while let output = await group.next() {
      goesOn = take(output) && goesOn
      add()
    }
  }
}

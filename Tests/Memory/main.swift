// What reads and writes by pointer, with random operations beside a plain model: keyval-memory SEED STEPS.
// Meant to be built with AddressSanitizer, which ends it at the first byte that is not its own: `keyval-memory planted`
// reads one, and has to be ended.
import Cluster

if CommandLine.arguments.dropFirst().first == "planted" {
  let bytes = UnsafeMutableRawPointer.allocate(byteCount: 16, alignment: 1)
  bytes.initializeMemory(as: UInt8.self, repeating: 7, count: 16)
  print("read \(bytes.load(fromByteOffset: 16, as: UInt8.self)) from behind what was allocated")
}
let arguments = CommandLine.arguments.dropFirst().compactMap { UInt64($0) }
let (seed, steps) = (arguments.first ?? 1, Int(arguments.dropFirst().first ?? 30_000))
var random = SplitMix(seed: seed)
TableCheck.run(steps, &random)
LogCheck.run(steps, &random)
CodecCheck.run(steps, &random)
print("the table, the log and the codec did as their models for \(steps) operations each, seed \(seed)")

/// Ends the program where something is not as the model says.
func require(_ isSo: Bool, _ what: String) {
  guard !isSo else { return }
  fatalError("\(what); seed \(seed), \(steps) steps")
}

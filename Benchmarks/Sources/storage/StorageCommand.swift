import ArgumentParser
import Cluster
import Glibc
import Storage

/// What a database's store costs, without anything around it: `swift run -c release --package-path Benchmarks storage`.
@main
struct StorageCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "storage",
    abstract: "Fills a store, overwrites random keys of it, loads it, and tells the processor time of each.")

  @Option(help: "Keys in the store.") var keys = 1_000_000
  @Option(help: "Overwrites of random keys.") var overwrites = 500_000
  @Option(help: "Records of a group commit.") var group = 200
  @Option(help: "Bytes of a value.") var value = 32
  @Option(help: "Clients that write.") var clients = 50
  @Option(help: "Records of the log beyond which folding and appending take turns.") var long = 262_144
  @Option(help: "Where the store is made and left; it must not be there.") var directory: String

  func run() throws {
    var subject = try Subject(
      directory: directory, keys: UInt64(keys), valueLength: value, clients: UInt64(clients))
    print("\(keys) keys of 16 bytes, values of \(value), \(group) records a group commit")
    var filling = Figures()
    for start in stride(from: 0, to: keys, by: group) {
      try subject.write(UInt64(start)..<UInt64(min(keys, start + group)), long, &filling)
    }
    try subject.drain(&filling)
    filling.report("filling", keys)
    var overwriting = Figures()
    for start in stride(from: 0, to: overwrites, by: group) {
      let numbers = (start..<min(overwrites, start + group)).map { _ in UInt64.random(in: 0..<UInt64(keys)) }
      try subject.write(numbers, long, &overwriting)
    }
    print("backlog before the last folds: \(subject.store.backlog.records) records")
    try subject.load("loading table and log", keys)
    try subject.drain(&overwriting)
    overwriting.report("overwriting", overwrites)
    try subject.load("loading the table", keys)
    try subject.scrub()
    try subject.store.close()
    print("the file has \(Machine.size(of: subject.store.path) >> 20) MiB")
  }
}

/// Processor time and bytes of appends and folds.
struct Figures {
  var append = Cost()
  var fold = Cost()
  var folds = 0
  var longestFold = 0.0

  func report(_ name: String, _ records: Int) {
    func tell(_ part: String, _ cost: Cost) {
      let micros = cost.processor * 1_000_000 / Double(records)
      print(
        "\(name), \(part): \(rounded(micros)) µs of CPU and \(cost.written / records) bytes written a record")
    }
    tell("append", append)
    tell("fold", fold)
    print("\(name): \(folds) folds, the longest \(rounded(longestFold * 1_000)) ms by the clock on the wall")
  }
}

/// What a person asks of the cluster, whichever way it was typed: arguments, shell, or standard input.
enum Command: Equatable, Sendable {
  case put(key: [UInt8], value: [UInt8])
  case get(key: [UInt8])
  case delete(key: [UInt8])
  case locate(key: [UInt8])
  case status(asJSON: Bool)
  case hello(address: String)
  case help(Verb?)
  case exit
}

/// For people: values as the numbers that they are.
extension Operation {
  /// One line for a report.
  public var line: String {
    let end = returned == .max ? "…" : "\(returned / 1000)"
    return "\(invoked / 1000)–\(end) ms client \(client): \(call.text) → \(result.text)"
  }

  fileprivate static func text(_ value: [UInt8]?) -> String {
    value.map { String($0.reduce(0) { $0 << 8 | UInt64($1) }) } ?? "nothing"
  }
}

extension Operation.Call {
  public var text: String {
    switch self {
    case .get: "get"
    case .put(let value): "put \(Operation.text(value))"
    case .delete: "delete"
    case .compareAndPut(let expected, let value):
      "put \(Operation.text(value)) in place of \(Operation.text(expected))"
    }
  }
}

extension Operation.Result {
  public var text: String {
    switch self {
    case .value(let value): Operation.text(value)
    case .existed(let existed): existed ? "done, existed" : "done, did not exist"
    case .matched(let matched): matched ? "done" : "it was another"
    case .unknown: "unknown"
    }
  }
}

extension AuditLine {
  /// The line of an event, without its newline: one JSON object in printable ASCII, its fields always in this order.
  static func encode(
    _ event: AuditEvent, sequence: UInt64, after previous: [UInt8], at milliseconds: Int64, leftOut: UInt64
  ) -> [UInt8] {
    var line = "{\"sequence\":\(sequence)"
    func text(_ name: String, _ text: String?, limit: Int = textLimit) {
      if let text { line += ",\"\(name)\":\"\(escaped(text, limit: limit))\"" }
    }
    func number(_ name: String, _ number: (some BinaryInteger)?) {
      if let number { line += ",\"\(name)\":\(number)" }
    }
    text("time", timestamp(milliseconds))
    text("previous", Hexadecimal.text(previous))
    text("event", event.kind.rawValue)
    text("action", event.action)
    text("outcome", event.outcome)
    text("principal", event.principal)
    text("address", event.address)
    number("enctype", event.encryptionType)
    number("term", event.term)
    text("subject", event.subject)
    number("version", event.version)
    number("slot", event.slot)
    if let key = event.key {
      if let readable = String(validating: key, as: UTF8.self) {
        text("key", readable, limit: keyLimit)
      } else {
        text("key-hex", Hexadecimal.text(key), limit: keyLimit * 2)
      }
    }
    number("count", event.count)
    text("digest", event.digest.map(Hexadecimal.text))
    text("reason", event.reason, limit: reasonLimit)
    if leftOut > 0 { number("left-out", leftOut) }
    return Array((line + "}").utf8)
  }

  /// Scalars of a text that are written; what is longer is cut, and ends in three dots.
  private static let textLimit = 256
  private static let reasonLimit = 512
  /// No key of the store is longer.
  private static let keyLimit = 1_024

  /// Everything but printable ASCII is `\uXXXX`, so that nothing in a name breaks a line or moves a cursor.
  private static func escaped(_ text: String, limit: Int) -> String {
    var result = ""
    for (index, scalar) in text.unicodeScalars.enumerated() {
      guard index < limit else { return result + "..." }
      switch scalar {
      case "\"", "\\": result += "\\\(scalar)"
      case " "..."~": result.unicodeScalars.append(scalar)
      default: for unit in String(scalar).utf16 { result += "\\u" + hexadecimal(unit) }
      }
    }
    return result
  }

  private static func hexadecimal(_ unit: UInt16) -> String {
    Hexadecimal.text([UInt8(unit >> 8), UInt8(unit & 0xff)])
  }

  /// ISO 8601 in UTC with milliseconds.
  private static func timestamp(_ milliseconds: Int64) -> String {
    let time = max(0, milliseconds)
    let (days, ofDay) = time.quotientAndRemainder(dividingBy: 86_400_000)
    // The civil calendar, counted in years from March and in eras of 400 years.
    let shifted = days + 719_468
    let (era, dayOfEra) = shifted.quotientAndRemainder(dividingBy: 146_097)
    let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let month = (5 * dayOfYear + 2) / 153
    let day = dayOfYear - (153 * month + 2) / 5 + 1
    let year = yearOfEra + era * 400 + (month >= 10 ? 1 : 0)
    let date = "\(padded(year, 4))-\(padded(month >= 10 ? month - 9 : month + 3, 2))-\(padded(day, 2))"
    let clock = [ofDay / 3_600_000, ofDay / 60_000 % 60, ofDay / 1_000 % 60].map { padded($0, 2) }
    return "\(date)T\(clock.joined(separator: ":")).\(padded(ofDay % 1_000, 3))Z"
  }

  private static func padded(_ number: Int64, _ width: Int) -> String {
    let digits = String(number)
    return String(repeating: "0", count: max(0, width - digits.count)) + digits
  }
}

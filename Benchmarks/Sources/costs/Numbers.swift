import Foundation

/// Numbers as people read them.
enum Numbers {
  /// With a comma before each three digits.
  static func grouped(_ value: Int) -> String {
    var digits = String(abs(value))
    var groups: [Substring] = []
    while digits.count > 3 {
      groups.insert(digits.suffix(3), at: 0)
      digits.removeLast(3)
    }
    return (value < 0 ? "-" : "") + ([Substring(digits)] + groups).joined(separator: ",")
  }

  /// With three digits that count, and none behind the point beyond a hundred.
  static func text(_ value: Double) -> String {
    guard value.isFinite else { return "–" }
    switch abs(value) {
    case 99.95...: return grouped(Int(significant(value).rounded()))
    case 9.995...: return String(format: "%.1f", value)
    case 0.1...: return String(format: "%.2f", value)
    case 0: return "0"
    default: return small(value)
    }
  }

  /// To the nearest whole number.
  static func whole(_ value: Double) -> String { value.isFinite ? grouped(Int(value.rounded())) : "–" }

  /// A share in per cent.
  static func percent(_ share: Double) -> String { "\(text(share * 100)) %" }

  /// Of a thousand and more, the first three digits: what is behind them is noise.
  private static func significant(_ value: Double) -> Double {
    guard abs(value) >= 1_000 else { return value }
    let unit = pow(10, log10(abs(value)).rounded(.down) - 2)
    return (value / unit).rounded() * unit
  }

  private static func small(_ value: Double) -> String {
    let places = max(2, 2 - Int(log10(abs(value)).rounded(.down)))
    return String(format: "%.\(min(places, 9))f", value)
  }
}

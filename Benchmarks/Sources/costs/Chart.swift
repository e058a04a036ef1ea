import Foundation

/// Lines over an axis, drawn as a part of an SVG.
struct Chart: Sendable {
  struct Series: Sendable {
    var name: String
    /// In the order of x, at least one.
    var points: [(x: Double, y: Double)]
  }

  enum Scale: Sendable { case linear, logarithmic }

  var title: String
  /// With the unit.
  var xLabel: String
  var yLabel: String
  /// Of the values; x is always logarithmic, with ticks at what was measured.
  var yScale: Scale = .logarithmic
  var series: [Series]

  static let width = 380.0
  private static let frame = (left: 58.0, top: 46.0, right: 352.0, bottom: 246.0)
  private static let legendTop = 296.0
  private static let legendLine = 16.0

  var height: Double { Self.legendTop + Double(series.count) * Self.legendLine }

  /// - Parameter left: where it begins in the whole.
  func body(at left: Double) -> String {
    let (xs, ys) = (xAxis, yAxis)
    var lines = [
      "<g transform=\"translate(\(Self.text(left)) 0)\">",
      Self.label(title, x: Self.width / 2, y: 18, "middle", "title"),
      Self.label(yLabel, x: 8, y: 36, "start", "unit"),
      Self.label(xLabel, x: (Self.frame.left + Self.frame.right) / 2, y: 282, "middle", "unit"),
    ]
    for tick in ys.ticks {
      let y = ys.place(tick)
      lines.append(Self.line(Self.frame.left, y, Self.frame.right, y, "grid"))
      lines.append(Self.label(Self.number(tick), x: Self.frame.left - 6, y: y + 4, "end"))
    }
    for tick in xs.ticks {
      let x = xs.place(tick)
      lines.append(Self.line(x, Self.frame.bottom, x, Self.frame.bottom + 4, "axis"))
      lines.append(Self.label(Self.number(tick), x: x, y: Self.frame.bottom + 18, "middle"))
    }
    lines.append(Self.line(Self.frame.left, Self.frame.bottom, Self.frame.right, Self.frame.bottom, "axis"))
    lines.append(Self.line(Self.frame.left, Self.frame.top, Self.frame.left, Self.frame.bottom, "axis"))
    for (index, series) in series.enumerated() {
      let places = series.points.map { (x: xs.place($0.x), y: ys.place($0.y)) }
      let path = places.map { "\(Self.text($0.x)),\(Self.text($0.y))" }.joined(separator: " ")
      lines.append("<polyline class=\"s\(index % 5)\" points=\"\(path)\"/>")
      for place in places {
        lines.append(
          "<circle class=\"d\(index % 5)\" cx=\"\(Self.text(place.x))\" cy=\"\(Self.text(place.y))\" r=\"2.5\"/>"
        )
      }
      let y = Self.legendTop + Double(index) * Self.legendLine
      lines.append(
        "<polyline class=\"s\(index % 5)\" points=\"\(Self.text(Self.frame.left)),\(Self.text(y)) "
          + "\(Self.text(Self.frame.left + 24)),\(Self.text(y))\"/>")
      lines.append(Self.label(series.name, x: Self.frame.left + 30, y: y + 4, "start"))
    }
    lines.append("</g>")
    return lines.joined(separator: "\n")
  }
}

// The axes
extension Chart {
  /// Where values stand on the page, and which are named.
  struct AxisScale {
    let scale: Scale
    let range: (low: Double, high: Double)
    let pixels: (low: Double, high: Double)
    var ticks: [Double] = []

    func place(_ value: Double) -> Double {
      let share =
        switch scale {
        case .linear: (value - range.low) / (range.high - range.low)
        case .logarithmic: log(max(value, range.low) / range.low) / log(range.high / range.low)
        }
      return pixels.low + share * (pixels.high - pixels.low)
    }
  }

  var xAxis: AxisScale {
    let values = Set(series.flatMap { $0.points.map(\.x) }).sorted()
    let (low, high) = (max(values.first ?? 1, 1e-9), values.last ?? 1)
    var axis = AxisScale(
      scale: .logarithmic, range: (low / 1.05, max(high, low * 1.5) * 1.05),
      pixels: (Self.frame.left, Self.frame.right))
    // From the right, so that the last is always named; as many as there is room for.
    var next = Double.infinity
    for value in values.reversed()
    where next - axis.place(value) > 10 + 6.5 * Double(Self.number(value).count) {
      next = axis.place(value)
      axis.ticks.insert(value, at: 0)
    }
    return axis
  }

  var yAxis: AxisScale {
    let values = series.flatMap { $0.points.map(\.y) }.filter { $0.isFinite && $0 > 0 }
    let (low, high) = (values.min() ?? 1, values.max() ?? 1)
    let pixels = (Self.frame.bottom, Self.frame.top)
    switch yScale {
    case .linear:
      let magnitude = pow(10, log10(high / 4).rounded(.down))
      let step = ([1, 2, 5, 10].first { high / ($0 * magnitude) <= 5 } ?? 10) * magnitude
      let count = max(1, Int((high / step).rounded(.up)))
      return AxisScale(
        scale: .linear, range: (0, step * Double(count)), pixels: pixels,
        ticks: (0...count).map { step * Double($0) })
    case .logarithmic:
      let steps = high / low > 300 ? [1.0] : high / low > 30 ? [1, 3] : [1, 2, 5]
      let first = Int(log10(low).rounded(.down)) - 1
      let all = (first...Int(log10(high).rounded(.up)) + 1).flatMap { power in
        steps.map { $0 * pow(10, Double(power)) }
      }
      let bottom = all.last { $0 <= low } ?? low / 2
      let top = all.first { $0 >= high && $0 > bottom } ?? high * 2
      return AxisScale(
        scale: .logarithmic, range: (bottom, top), pixels: pixels,
        ticks: all.filter { $0 >= bottom * 0.999 && $0 <= top * 1.001 })
    }
  }
}

// Pieces of SVG
extension Chart {
  private static func label(
    _ text: String, x: Double, y: Double, _ anchor: String, _ kind: String? = nil
  ) -> String {
    let kind = kind.map { " class=\"\($0)\"" } ?? ""
    return
      "<text\(kind) x=\"\(self.text(x))\" y=\"\(self.text(y))\" text-anchor=\"\(anchor)\">\(escaped(text))</text>"
  }

  private static func line(_ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double, _ kind: String) -> String {
    "<line class=\"\(kind)\" x1=\"\(text(x1))\" y1=\"\(text(y1))\" x2=\"\(text(x2))\" y2=\"\(text(y2))\"/>"
  }

  /// A coordinate, to a tenth of a pixel.
  private static func text(_ value: Double) -> String {
    let tenths = (value * 10).rounded() / 10
    return tenths == tenths.rounded() ? "\(Int(tenths))" : "\(tenths)"
  }

  static func escaped(_ text: String) -> String {
    text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
  }

  /// As short as it can be read: 0.05, 20, 65,536, 2 M.
  static func number(_ value: Double) -> String {
    if value >= 1_000_000, value == (value / 100_000).rounded() * 100_000 {
      let tenths = Int((value / 100_000).rounded())
      return tenths.isMultiple(of: 10) ? "\(tenths / 10) M" : "\(tenths / 10).\(tenths % 10) M"
    }
    if value >= 1, abs(value - value.rounded()) < 1e-6 {
      return Numbers.grouped(Int(value.rounded()))
    }
    return value == 0 ? "0" : String(format: "%.2g", value)
  }
}

/// Charts beside each other, as a file.
struct Plot: Sendable {
  let file: String
  let charts: [Chart]

  /// Its colours are those of the page that shows it: the paper stays what it is, the ink is light where that is dark.
  var svg: String {
    let width = Int(Double(charts.count) * Chart.width)
    let height = Int(charts.map(\.height).max() ?? 0)
    let bodies = charts.enumerated().map { $1.body(at: Double($0) * Chart.width) }
    let titles = charts.map(\.title).joined(separator: "; ")
    return """
      <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(width) \(height)" width="\(width)" height="\(height)" \
      role="img" aria-label="\(Chart.escaped(titles))">
      <style>
      text { font: 12px sans-serif; fill: #444c56; }
      .title { font-size: 13px; font-weight: bold; }
      .unit { font-size: 11px; }
      .axis { stroke: #768390; }
      .grid { stroke: #768390; stroke-opacity: 0.25; }
      polyline { fill: none; stroke-width: 2; }
      .s0 { stroke: #2f7fd8; } .d0 { fill: #2f7fd8; }
      .s1 { stroke: #d9731a; stroke-dasharray: 7 3; } .d1 { fill: #d9731a; }
      .s2 { stroke: #2a9d5c; stroke-dasharray: 2 3; } .d2 { fill: #2a9d5c; }
      .s3 { stroke: #a05fc8; stroke-dasharray: 8 3 2 3; } .d3 { fill: #a05fc8; }
      .s4 { stroke: #c0392b; stroke-dasharray: 12 4; } .d4 { fill: #c0392b; }
      @media (prefers-color-scheme: dark) { text { fill: #c6d0da; } }
      </style>
      \(bodies.joined(separator: "\n"))
      </svg>

      """
  }
}

import Foundation
import FoundationXML
import Testing

@testable import costs

@Suite("Plots") struct ChartTests {
  private static func chart(_ scale: Chart.Scale, _ points: [(x: Double, y: Double)]) -> Chart {
    Chart(
      title: "A & B", xLabel: "bytes", yLabel: "µs", yScale: scale,
      series: [.init(name: "a < b", points: points)])
  }

  @Test(
    "ticks of an axis enclose what was measured, and it is drawn within the frame",
    arguments: [Chart.Scale.linear, .logarithmic])
  func axes(_ scale: Chart.Scale) {
    for points in [[(1.0, 0.3), (5_000, 240)], [(16, 7)], [(1, 1_000), (2, 1_001)], [(1, 4e6), (3, 0.02)]] {
      let chart = Self.chart(scale, points)
      let (xs, ys) = (chart.xAxis, chart.yAxis)
      #expect(ys.ticks.count >= 2 && ys.ticks.count <= 12, "\(ys.ticks)")
      #expect(ys.ticks == ys.ticks.sorted())
      for (x, y) in points {
        #expect(ys.range.low <= y && y <= ys.range.high)
        #expect((58...352).contains(xs.place(x)), "\(x)")
        #expect((46...246).contains(ys.place(y)), "\(y)")
      }
      #expect(xs.ticks.contains(points.map(\.0).max() ?? 0))
    }
  }

  @Test("more is further up, and further right")
  func directions() {
    let chart = Self.chart(.logarithmic, [(1, 1), (10, 10), (100, 100)])
    #expect(chart.yAxis.place(100) < chart.yAxis.place(10))
    #expect(chart.xAxis.place(10) < chart.xAxis.place(100))
    // Each tenfold takes the same.
    let places = [1.0, 10, 100].map(chart.yAxis.place)
    #expect(abs((places[0] - places[1]) - (places[1] - places[2])) < 1e-9)
  }

  @Test("ticks that would run into each other are left out, the last one never")
  func crowded() {
    let chart = Self.chart(.linear, (0..<200).map { (pow(1.05, Double($0)) * 1_000, 1) })
    let ticks = chart.xAxis.ticks
    #expect(ticks.count < 12 && ticks.last == chart.series[0].points.last?.x)
  }

  @Test("a plot is XML with a name, units, a line and a legend for each series, and ink for dark paper")
  func svg() throws {
    let plot = Plot(
      file: "a.svg",
      charts: [Self.chart(.linear, [(1, 2), (2, 3)]), Self.chart(.logarithmic, [(1, 2), (2, 3)])])
    let reader = Reader()
    let parser = XMLParser(data: Data(plot.svg.utf8))
    parser.delegate = reader
    #expect(parser.parse(), "\(String(describing: parser.parserError))")
    #expect(reader.elements["svg"] == 1)
    #expect(reader.elements["circle"] == 4)
    // A line and its sample in the legend, for each chart.
    #expect(reader.elements["polyline"] == 4)
    for text in ["A & B", "bytes", "µs", "a < b"] { #expect(reader.text.contains(text), "\(text)") }
    #expect(reader.text.contains("prefers-color-scheme: dark"))
    #expect(!plot.svg.contains("nan") && !plot.svg.contains("inf"))
  }

  private final class Reader: NSObject, XMLParserDelegate {
    var elements: [String: Int] = [:]
    var text = ""

    func parser(
      _ parser: XMLParser, didStartElement name: String, namespaceURI: String?, qualifiedName: String?,
      attributes: [String: String]
    ) {
      elements[name, default: 0] += 1
    }

    func parser(_ parser: XMLParser, foundCharacters characters: String) { text += characters }
  }
}

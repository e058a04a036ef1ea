import ArgumentParser
import HostNetworks
import Measuring

/// Callers on a host of their own. The program starts itself there; commands and answers are lines of JSON on the
/// socket that is standard input. When that ends, so does this, and ends what it was told to inherit.
struct SideCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "side", abstract: "Callers on one side of a cut; started by the trial.",
    shouldDisplay: false)

  func run() async throws { try await Self.serve() }

  /// Reading blocks the main thread, and no other: there questions are answered and the callers go on. So the end of who
  /// asks is seen at once, also while he waits for an answer.
  @MainActor
  private static func serve() async throws {
    let questions = LineSocket(descriptor: 0)
    let program = SideProgram()
    while let question = try questions.read(SideQuestion.self) {
      // Not one of this actor's, whose thread it is that waits.
      Task.detached { await program.reply(to: question) }
    }
    try await program.estate?.end()
  }
}

private actor SideProgram {
  private let answers = LineSocket(descriptor: 0)
  private var view: (any View)?
  private var load: Load?
  private(set) var estate: Estate?

  func reply(to question: SideQuestion) async {
    let reply: SideAnswer
    do {
      reply = try await answer(question)
    } catch {
      reply = .problem("\(error)")
    }
    do {
      try answers.write(reply)
    } catch {
      Session.say("nobody takes an answer of the callers on one side: \(error)")
    }
  }

  private func answer(_ question: SideQuestion) async throws -> SideAnswer {
    switch question {
    case .connect(let reach):
      view = try reach.view()
      return .done
    case .inherit(let estate):
      self.estate = estate
      return .done
    case .awaitAnswers:
      try await connected.awaitAnswers()
      return .done
    case .awaitWhole:
      try await connected.awaitWhole()
      return .done
    case .victim(let tags):
      let victim = try await connected.victim(among: tags)
      return .victim(name: victim.name, tags: victim.tags)
    case .begin(let work):
      load = try Load(
        work.tags, name: work.name, recorded: work.recorded, watched: work.watched, connected.store)
      return .done
    default: return try await answer(question, loaded)
    }
  }

  /// What is asked of callers that are at work.
  private func answer(_ question: SideQuestion, _ load: Load) async throws -> SideAnswer {
    switch question {
    case .awaitServed(let tags, let times, let seconds):
      let some = tags.map { tags in load.callers.filter { tags.contains($0.tag) } }
      try await load.awaitServed(some, times: times, within: .seconds(seconds))
      return .done
    case .mark:
      load.mark()
      return .done
    case .gaps(let tags):
      return .times(load.callers.filter { tags.contains($0.tag) }.map(\.longestGap))
    case .rate: return .rate(load.rate)
    case .acknowledged:
      return .acknowledged(
        count: load.callers.reduce(0) { $0 + $1.acknowledgedSinceMark },
        last: load.callers.compactMap(\.lastAcknowledged).max())
    case .finish: return .outcome(try await load.finish())
    default: throw BenchmarkError("this is no question to callers")
    }
  }

  private var connected: any View {
    get throws {
      guard let view else { throw BenchmarkError("the callers have no cluster") }
      return view
    }
  }

  private var loaded: Load {
    get throws {
      guard let load else { throw BenchmarkError("the callers have nothing to do") }
      return load
    }
  }
}

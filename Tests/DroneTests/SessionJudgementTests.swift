import Cluster
import Drone
import Testing

@Suite("What an order about sessions comes to") struct SessionJudgementTests {
  private let alice = try! Principal("alice@KEYVAL.TEST")

  @Test("the session on which it is asked is never among those that end") func own() {
    guard case .refuse(let reply) = SessionJudgement(of: .end(7), on: 7) else {
      Issue.record("a session may be ended by an order that came on it")
      return
    }
    #expect(!reply.isAccepted && reply.sentence.contains("session 7"))
    #expect(SessionJudgement(of: .end(8), on: 7) == .end(8))
    #expect(SessionJudgement(of: .endAll(of: alice), on: 7) == .endAll(of: alice, but: 7))
  }

  @Test("a page of a list has so many as fit into a record") func list() {
    #expect(SessionJudgement(of: .list(after: 3), on: 7) == .list(after: 3, limit: SessionPage.limit))
  }

  @Test("what was ended is told, and where there was none the order was in vain") func replies() {
    #expect(
      SessionJudgement.reply(ended: 8, of: alice.text)
        == AdministratorReply(isAccepted: true, sentence: "ended session 8 of alice@KEYVAL.TEST"))
    #expect(!SessionJudgement.reply(ended: 8, of: nil).isAccepted)
    #expect(SessionJudgement.reply(ended: 1, of: alice).sentence == "ended 1 session of alice@KEYVAL.TEST")
    #expect(SessionJudgement.reply(ended: 2, of: alice).sentence == "ended 2 sessions of alice@KEYVAL.TEST")
    #expect(!SessionJudgement.reply(ended: 0, of: alice).isAccepted)
  }
}

import Keyval
import Testing

@testable import keyval

@Suite("Failures as a person meets them")
struct FailureTests {
  @Test("without a ticket the status is 2 and the kinit line names the node's realm")
  func noTicket() {
    for error in [KeyvalError.noTicket(realm: "KEYVAL.TEST"), .ticketExpired(realm: "KEYVAL.TEST")] {
      let failure = Failure(error)
      #expect(failure.status == .noTicket)
      #expect(failure.status.rawValue == 2)
      #expect(failure.sentence.contains("kinit "))
      #expect(failure.sentence.contains("@KEYVAL.TEST"))
    }
    #expect(KinitLine.typable("type: kinit NAME@R", name: "alice") == "type: kinit alice@R")
    #expect(KinitLine.typable("type: kinit NAME@R", name: nil) == "type: kinit NAME@R")
  }

  @Test("every failure of the client has a status of its own kind, never that of a missing key")
  func statuses() {
    let expected: [(KeyvalError, CommandStatus)] = [
      (.keyEmpty, .usage), (.keyTooLong(length: 2, limit: 1), .usage),
      (.valueTooLong(length: 2, limit: 1), .usage),
      (.badConfiguration("x"), .configuration), (.credential("x"), .notPermitted),
      (.notPermitted(principal: "bob@R", operation: "x"), .notPermitted),
      (.refused(by: "d1", reason: "x"), .notPermitted), (.mapRefused(from: "d1", reason: "x"), .badData),
      (.noReachableNode(tried: ["a:1"], problem: "x"), .unavailable), (.outcomeUnknown, .unavailable),
      (.deadlineExceeded(outcomeUnknown: true, problem: nil), .unavailable), (.closed, .unavailable),
    ]
    for (error, status) in expected { #expect(Failure(error).status == status, "\(error)") }
  }

  @Test("an error that nobody foresaw is a failure too")
  func unforeseen() {
    struct Surprise: Error {}
    #expect(Failure(Surprise()).status == .unavailable)
  }

  @Test("the configuration is the one that is named, else the usual ones, else a sentence")
  func configurationPath() throws {
    #expect(try ClientConnection.configurationPath(["KEYVAL_CONFIG": "/c.json"]) == "/c.json")
    #expect {
      try ClientConnection.configurationPath(["HOME": "/nonexistent"])
    } throws: {
      let failure = $0 as? Failure
      return failure?.status == .configuration
        && failure?.sentence.contains("/nonexistent/.config/keyval/client.json") == true
    }
  }
}

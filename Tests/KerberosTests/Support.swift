import Glibc
import KerberosFixture
import Synchronization
import Testing

@testable import Kerberos

/// One realm for the tests that need nothing special of it.
func sharedFixture() throws -> KerberosFixture { try KerberosFixture.shared.get() }

/// A name that no other test of this process uses.
func uniqueName(_ prefix: String) -> String {
  "\(prefix)\(nameCounter.wrappingAdd(1, ordering: .relaxed).newValue)"
}
private let nameCounter = Atomic<Int>(0)

/// Expects a Kerberos error of this reason whose sentence has all these words; returns it.
@discardableResult
func expectRefusal<R>(
  _ reason: KerberosError.Reason, saying words: String..., at location: SourceLocation = #_sourceLocation,
  _ body: () throws -> R
) -> KerberosError? {
  do {
    _ = try body()
    Issue.record("was not refused", sourceLocation: location)
    return nil
  } catch let error as KerberosError {
    #expect(error.reason == reason, "\(error)", sourceLocation: location)
    for word in words { #expect("\(error)".contains(word), sourceLocation: location) }
    return error
  } catch {
    Issue.record("refused by another kind of error: \(error)", sourceLocation: location)
    return nil
  }
}

/// Both ends of a context that is to be.
struct Pair {
  let initiator: InitiatorCredential
  let acceptor: AcceptorCredential

  init(_ initiator: InitiatorCredential, _ acceptor: AcceptorCredential) {
    self.initiator = initiator
    self.acceptor = acceptor
  }

  /// A new user with a ticket, and a new drone.
  init(_ fixture: KerberosFixture) throws {
    let (user, drone) = (uniqueName("user"), uniqueName("d"))
    try fixture.addUser(user)
    initiator = try .fromCache(name: fixture.cache(of: user))
    acceptor = try fixture.acceptor("keyval-drone/\(drone)", keytab: fixture.addDrone(drone))
  }

  /// The initiator's first token.
  func request(binding: [UInt8] = [1, 2, 3]) throws -> (SecurityContext, [UInt8]) {
    let context = try SecurityContext.initiate(
      credential: initiator, target: acceptor.principal, channelBinding: binding)
    let step = try context.step(token: nil)
    #expect(!step.isComplete)
    return (context, try #require(step.token))
  }

  /// What the acceptor makes of a token.
  @discardableResult
  func accept(_ token: [UInt8], binding: [UInt8] = [1, 2, 3]) throws -> (SecurityContext, [UInt8]) {
    let context = try SecurityContext.accept(credential: acceptor, channelBinding: binding)
    let step = try context.step(token: token)
    #expect(step.isComplete)
    return (context, try #require(step.token))
  }

  /// One token each way, and both sides are done.
  func handshake(binding: [UInt8] = [1, 2, 3]) throws -> (SecurityContext, SecurityContext) {
    let (initiating, request) = try request(binding: binding)
    let (accepting, answer) = try accept(request, binding: binding)
    let end = try initiating.step(token: answer)
    #expect(end.isComplete && end.token == nil)
    return (initiating, accepting)
  }
}

/// Asks again until it is so; for things that only time brings about.
func eventually(within seconds: Int = 20, _ condition: () throws -> Bool) rethrows -> Bool {
  let end = time(nil) + seconds
  while time(nil) < end {
    if try condition() { return true }
    usleep(20_000)
  }
  return false
}

/// Runs bodies on as many threads of their own, and waits for all.
func onThreads(_ count: Int, _ body: @escaping @Sendable (Int) -> Void) {
  let threads = (0..<count).map { number in startThread { body(number) } }
  for thread in threads { pthread_join(thread, nil) }
}

/// Runs a body on a thread that nobody waits for.
func detach(_ body: @escaping @Sendable () -> Void) { pthread_detach(startThread(body)) }

private final class Work: Sendable {
  let body: @Sendable () -> Void
  init(_ body: @escaping @Sendable () -> Void) { self.body = body }
}

private func startThread(_ body: @escaping @Sendable () -> Void) -> pthread_t {
  var thread = pthread_t()
  let work = Unmanaged.passRetained(Work(body)).toOpaque()
  let code = pthread_create(
    &thread, nil,
    { pointer in
      Unmanaged<Work>.fromOpaque(pointer!).takeRetainedValue().body()
      return nil
    }, work)
  precondition(code == 0, "no more threads")
  return thread
}

/// What threads found out, by thread.
final class Results: Sendable {
  private let found = Mutex<[Int: String]>([:])
  func add(_ result: String, by thread: Int) { found.withLock { $0[thread] = result } }
  var all: [Int: String] { found.withLock { $0 } }
}

import Cluster
import Wire

/// The newest membership list that a node has, on disk as it was signed: a restart while the authority is away must
/// not forget who was removed.
struct MembershipStore {
  private let file: DurableFile
  private let verifier: MembershipVerifier

  init(directory: String, verifier: MembershipVerifier) {
    file = DurableFile(directory: directory, name: "membership")
    self.verifier = verifier
  }

  /// What was stored last; nil when nothing was.
  /// - Throws: `NodeError.unusableFile` when it is damaged, or signed with another key than the configured one.
  func load() throws(NodeError) -> MembershipList? {
    guard let bytes = try file.load(maximum: SignedMembership.maximumBodyLength + 1024) else { return nil }
    let problem: String
    do {
      return try verifier.verify(try SignedMembership.decode(bytes))
    } catch let error as MembershipError {
      problem = "is not to be believed: \(error)"
    } catch {
      problem = "is damaged (\(error))"
    }
    throw .unusableFile(
      path: file.path, key: nil, problem: problem,
      remedy:
        "Name the right key in ‘membership’. Or delete the file: then this node talks with nobody but the authority "
        + "until that has sent it a new list.")
  }

  func store(_ list: SignedMembership) throws(NodeError) {
    try file.store(list.encoded(), need: "this node would forget who was removed")
  }
}

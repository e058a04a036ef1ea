/// Seeds that every run of the tests goes through.
public enum KnownSeeds {
  public static let fixed: ClosedRange<UInt64> = 1...400

  /// Seeds that once found something, all of them plain; the plans of faults have changed since for the older ones, so
  /// that they are kept for their names.
  public static let keptPlain: [(name: String, seed: UInt64)] = [
    // A write whose earlier attempt may have been executed failed because the map was not believed.
    ("doubtful write, map refused", 103),
    // Drones that joined while the commander was away stood for office, and could not be voted for.
    ("who may not vote stands", 173),
    // A late grant of an earlier life was shown, and its session refused every later one.
    ("grant of an earlier life", 278),
    // A loop that had hung let reads through by an old access list, and another executed them under its lease.
    ("old access list of a loop that hung", 67),
    // Drones that registered while a claimed term came to no certificate never had a vote. Later the first of these: who
    // had just resigned supported a candidate for whom nobody would vote yet, and which then refused whom the others
    // elected in a lower term, again and again.
    ("claimed and never certified", 11_640),
    ("claimed and never certified, with a link cut for good", 1_984_438_345),
    // A client whose only session was with a drone that had been removed was told its old map for ever.
    ("map of a removed drone", 2_720_396_984),
    // A listed shadow threw its copy away when another promotion overtook its own, and that one came to nothing.
    ("copy of an overtaken promotion", 172),
    // The shadow's map did not name it: the parts of a copy that it had refused were taken for the one that it had, and
    // the two answered each other faster and faster.
    ("parts of a copy that was refused", 209),
    // Pieces of copies that a shadow did not take, since it was opening those partitions itself, were never confirmed;
    // after four of them its owner sent it no further copy in that session.
    ("pieces that nobody confirmed", 50_300_133),
    // A promotion made the fence another's, who was removed before it had stored anything: the owner before it had
    // everything in memory, and was refused.
    ("owner before a promotion that came to nothing", 50_300_284),
    // A drone that never heard the authority again did not know the commander, which had joined later, and alone had
    // what others waited for.
    ("commander that an owner does not know", 77_121_252),
    // The only drone that a client talked with was cut off from the commander, and told it an old map for ever.
    ("old map of the only one who is asked", 3_941_271_533),
    // A drone that heard the commander, and was not heard by it, was sent no map of its term, and told its clients the
    // old one for ever.
    ("map for whom the commander does not hear", 4_225_464_024),
  ]

  /// The same, since every bound is drawn anew and processes are asked to end.
  public static let kept: [(name: String, seed: UInt64)] = [
    // A drone was asked to end while the database was too busy to promote its copies. It asked for them no more, and the
    // commander went on counting on it.
    ("promotion that nobody asked for any more", 2_315_516_763),
    ("promotion that nobody asked for any more, and all end", 2_315_516_935),
    // A shadow had no room for a batch, and had again when the next one came: it threw away the copy that was on the list,
    // since a batch was missing in between.
    ("batch behind one that was refused", 163_853_143),
    // An append that alone was longer than all that may wait for the disk was refused for ever.
    ("append longer than what may wait", 163_853_307),
    // A commander, and a drone, that alone never heard the database kept what they had as long as it stalled for all.
    ("commander that a stalling database does not reach", 163_853_791),
    ("drone that a stalling database does not reach", 163_854_837),
    // A drone that ended believed that nobody needed its copies, by the answer to a report that had not told of them yet.
    ("copies of which nobody was told yet", 163_854_965),
    // A removed drone refused its only client by an old access list, for ever.
    ("access list of a removed drone", 970_359_754),
    // No election could be won without a drone of an earlier list, which the authority never reached again.
    ("drone that only an earlier list has", 970_360_378),
    // A client that had been forgotten was known again by an older write that was dropped later: the retry of its newer
    // one would have been executed twice.
    ("forgotten client that is known again", 1_813_338_284),
    // A drone that heard the commander, and was not heard by it, was sent no newer access list and refused by its old one.
    ("access list for whom the commander does not hear", 4_043_960_144),
    // A drone that never heard the database again told clients for ever that it was loading what another served by then.
    ("loading what another serves", 762_263_907),
    // A fault of the simulator: who had been asked to end, and was done only after all had healed, stayed down until the
    // last of all was done, and that one waited for a database that was down.
    ("database that is down until the last has ended", 4_043_955_643),
    // Another: what a database had written when it ended was not counted as stored.
    ("written when the database ends", 2_999_543_788),
    // Appends had room only for partitions where somebody waited, so that others were never stored; their shadows had no
    // room for more, and so the writers everywhere waited for the database.
    ("partition that is always passed over", 1_416),
  ]
}

/// What many entries take over machines, by calculation.
struct Sizing: Sendable {
  /// What the calculation takes for granted.
  struct Assumptions: Sendable {
    /// Bytes of keys and values.
    var payload = 100e9
    /// Bytes of a machine's memory, its cores, and bytes a second that its network carries each way.
    var memory = 64.0 * 1_073_741_824
    var cores = 16.0
    var network = 10e9 / 8
    /// What of the memory a drone fills: its ceiling unless told otherwise.
    var filled = 0.75
    /// What of cores and network is used at most, so that nobody waits for long.
    var loaded = 0.7
    /// The owner's and the shadow's.
    var copies = 2.0
    /// Machines that may be gone.
    var spare = 1.0
    var pipeline = 16
    /// Seconds: eight heartbeats.
    var lease = 2.0
    /// Bytes around a segment: Ethernet with its preamble, checksum and gap 38, IP 20, TCP with timestamps 32.
    var segmentBytes = 90.0
    /// Bytes of a segment that carries as much as Ethernet takes.
    var segmentContent = 1_448.0
  }

  let valueBytes: Int
  let entries: Double
  /// Bytes of memory: of all owners, and with all shadows.
  let ownedMemory: Double
  let memory: Double
  let drones: Double
  /// Bytes of the database's disk.
  let disk: Double
  /// Requests a second, of all drones: what their cores carry, and what their network does.
  let getsByCores: Double
  let getsByNetwork: Double
  let putsByCores: Double
  /// What one core of the database carries.
  let putsByDatabase: Double
  /// Seconds until all drones have all entries again, by the rate of one database, and what the network takes of it.
  let loading: Double
  let loadingByNetwork: Double
  /// Seconds without an owner when a machine dies, and until its copies are there again, by the network.
  let failover: Double
  let copying: Double

  /// - Parameter measured: entries of this size, many of them.
  init(_ measured: CostFigures.Loading, _ model: CostModel, _ given: Assumptions = Assumptions()) {
    let valueBytes = measured.valueBytes
    let request = CostModel.request(valueBytes: valueBytes, pipeline: given.pipeline)
    let size = Double(Setting.keyBytes + valueBytes)
    self.valueBytes = valueBytes
    entries = given.payload / size
    ownedMemory = entries * measured.entryBytes
    memory = ownedMemory * given.copies
    let needed = (memory / (given.memory * given.filled)).rounded(.up)
    let machines = max(given.copies, needed) + given.spare
    drones = machines
    disk = entries * measured.diskEntryBytes
    let cores = machines * given.cores * given.loaded * 1_000_000
    getsByCores = cores / model.getDrone(request)
    putsByCores = cores / (model.putDrone(request) * model.shadowFactor)
    putsByDatabase = 1_000_000 / model.putDatabase(request)
    let wire = model.getWire(request)
    let segments = (wire * Double(given.pipeline) / given.segmentContent).rounded(.up)
    let headers = segments * given.segmentBytes / Double(given.pipeline)
    getsByNetwork = machines * given.network * given.loaded / (wire + headers)
    loading = entries / measured.entriesPerSecond
    loadingByNetwork = given.payload / (given.network * given.loaded)
    failover = given.lease
    copying = memory / machines / ((machines - given.spare) * given.network * given.loaded)
  }
}

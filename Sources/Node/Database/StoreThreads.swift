import Cluster
import Database
import Logging
import NIOPosix
import Storage

/// The store and the threads that may wait for the disk: one that writes, and some that read contents.
struct StoreThreads: Sendable {
  /// As many as the core streams at a time.
  static let readers = StreamQueue.concurrent

  let store: any Store
  private let writer: NIOThreadPool
  private let readerPool: NIOThreadPool

  /// Opens the store of a node.
  /// - Throws: `NodeError.unusableFile`.
  static func opening(_ configuration: NodeConfiguration) async throws -> StoreThreads {
    let (directory, cluster) = (configuration.directory, configuration.cluster)
    let writer = NIOThreadPool(numberOfThreads: 1)
    writer.start()
    do {
      let store = try await writer.runIfActive {
        try SQLiteStore(directory: directory, cluster: cluster, readers: readers)
      }
      let readerPool = NIOThreadPool(numberOfThreads: readers)
      readerPool.start()
      return StoreThreads(store: store, writer: writer, readerPool: readerPool)
    } catch {
      try? await writer.shutdownGracefully()
      throw (error as? StoreError).map(NodeError.init) ?? error
    }
  }

  func standing() throws -> StoreStanding {
    do throws(StoreError) {
      return try store.standing()
    } catch {
      throw NodeError(error)
    }
  }

  /// Runs a transaction; `completion` comes on the writing thread, unless the threads are being stopped.
  func perform(
    _ job: StoreJob,
    completion: @escaping @Sendable (Result<StoreJobResult, StoreError>, StoreBacklog, StoreMark) -> Void
  ) {
    let store = store
    writer.submit { state in
      guard case .active = state else { return }
      let result = Result { () throws(StoreError) in try store.perform(job) }
      completion(result, store.backlog, store.mark)
    }
  }

  /// Runs a long read.
  func read(_ body: @escaping @Sendable (any Store) -> Void) {
    let store = store
    readerPool.submit { state in
      if case .active = state { body(store) }
    }
  }

  /// Waits for what is under way, and closes the store.
  func stop(_ logger: Logger) async {
    try? await readerPool.shutdownGracefully()
    try? await writer.shutdownGracefully()
    do throws(StoreError) {
      try store.close()
    } catch {
      logger.warning("the store was not closed in order", metadata: [NodeLogging.Key.reason: "\(error)"])
    }
  }
}

extension NodeError {
  /// The store's trouble, in terms of the node's configuration.
  init(_ error: StoreError) {
    self = .unusableFile(
      path: error.path ?? "the store", key: "directory", problem: error.problem,
      remedy: error.remedy.isEmpty
        ? "Start the node again." : error.remedy.prefix(1).uppercased() + error.remedy.dropFirst())
  }
}

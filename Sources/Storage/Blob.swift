import Foundation
import GRDB

/// Bytes as GRDB takes and gives them: Foundation stays in this file.
package typealias Blob = Data

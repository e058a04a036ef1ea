import Foundation
import MutantCatalogue

let arguments = CommandLine.arguments.dropFirst()
guard let directory = arguments.first, arguments.count == 1, !directory.hasPrefix("-") else {
  print("usage: keyval-mutate DIRECTORY, in the directory of the package")
  exit(arguments.first == "--help" ? 0 : 64)
}
do {
  let package = URL(filePath: FileManager.default.currentDirectoryPath)
  let changed = try SeededCopy.write(to: URL(filePath: directory), from: package)
  print("\(Catalogue.mutants.count) mutants; \(changed.count) files of the copy changed")
} catch {
  print("error: \(error)")
  exit(1)
}

import Metering

/// Files that a section names, relative to the folder of the configuration.
extension SettingsReader {
    /// A file anyone may read, such as a certificate; its path.
    func filePath(_ name: String, in folder: String) -> String? {
        guard let text = take(name, .text()) else { return nil }
        let path = FilePath.resolve(text, in: folder)
        if !FilePath.isReadable(path) { fault(name, "\(path) cannot be read; look at its name and its rights") }
        return path
    }

    /// A secret that a library reads itself; its path.
    func secretPath(_ name: String, in folder: String) -> String? {
        guard let text = take(name, .text()) else { return nil }
        do throws(SecretFault) { return try SecretFile.locate(text, in: folder) } catch {
            fault(name, error.description)
            return nil
        }
    }

    /// The content of a secret, which may not be left out.
    func secret(_ name: String, in folder: String) -> Secret? {
        guard let text = require(name, .text()) else { return nil }
        do throws(SecretFault) { return try SecretFile.read(text, in: folder) } catch {
            fault(name, error.description)
            return nil
        }
    }
}

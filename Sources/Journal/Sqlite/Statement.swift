import CSQLite

/// A value bound to a parameter of a statement.
enum SqliteValue {
    case integer(Int64)
    case text(String)
    /// UTF-8 that is text already.
    case utf8([UInt8])
    case blob([UInt8])
    case null
}

/// A prepared statement, reset after every use.
final class Statement {
    let pointer: OpaquePointer

    init(_ pointer: OpaquePointer) { self.pointer = pointer }

    deinit { sqlite3_finalize(pointer) }

    /// Binds the parameters in order; returns SQLite's code.
    func bind(_ values: [SqliteValue]) -> Int32 {
        var index: Int32 = 0
        for value in values {
            index += 1
            let code =
                switch value {
                case .integer(let number): sqlite3_bind_int64(pointer, index, number)
                case .text(let text): bindText(index, Array(text.utf8))
                case .utf8(let bytes): bindText(index, bytes)
                case .blob(let bytes):
                    bytes.withUnsafeBytes {
                        csqlite_bind_blob(pointer, index, $0.baseAddress, Int32(clamping: $0.count))
                    }
                case .null: sqlite3_bind_null(pointer, index)
                }
            guard code == SQLITE_OK else { return code }
        }
        return SQLITE_OK
    }

    private func bindText(_ index: Int32, _ bytes: [UInt8]) -> Int32 {
        bytes.withUnsafeBytes { csqlite_bind_text(pointer, index, $0.baseAddress, Int32(clamping: $0.count)) }
    }

    func reset() {
        sqlite3_reset(pointer)
        sqlite3_clear_bindings(pointer)
    }
}

/// The current row of a running statement; columns count from 0. Only valid inside the closure it was handed to.
struct Row {
    let statement: OpaquePointer

    func integer(_ column: Int32) -> Int64 { sqlite3_column_int64(statement, column) }

    func isNull(_ column: Int32) -> Bool { sqlite3_column_type(statement, column) == SQLITE_NULL }

    /// The bytes of a text or blob.
    func bytes(_ column: Int32) -> [UInt8] {
        guard let start = sqlite3_column_blob(statement, column) else { return [] }
        return Array(UnsafeRawBufferPointer(start: start, count: Int(sqlite3_column_bytes(statement, column))))
    }

    func text(_ column: Int32) -> String { String(decoding: bytes(column), as: UTF8.self) }
}

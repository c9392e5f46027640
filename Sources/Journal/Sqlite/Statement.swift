import CSQLite

/// A value bound to a parameter of a statement.
enum SqliteValue {
    case integer(Int64)
    case text(String)
    /// UTF-8 that is text already.
    case utf8(ArraySlice<UInt8>)
    case blob([UInt8])
    case null
}

/// A prepared statement, reset after every use.
final class Statement {
    let pointer: OpaquePointer
    /// The bytes of the bound texts and blobs, until `reset`: SQLite then makes no copy of each by itself.
    private var bound = UnsafeMutableRawBufferPointer.allocate(byteCount: 64, alignment: 1)

    init(_ pointer: OpaquePointer) { self.pointer = pointer }

    deinit {
        sqlite3_finalize(pointer)
        bound.deallocate()
    }

    /// Binds the parameters in order; returns SQLite's code.
    func bind(_ values: [SqliteValue]) -> Int32 {
        makeRoom(values.reduce(0) { $0 + $1.byteCount })
        var used = 0
        var index: Int32 = 0
        for value in values {
            index += 1
            let start = used
            let code: Int32
            switch value {
            case .integer(let number): code = sqlite3_bind_int64(pointer, index, number)
            case .text(let text):
                used += copy(text.utf8, to: start)
                code = csqlite_bind_text(pointer, index, bound.baseAddress?.advanced(by: start), Int32(used - start))
            case .utf8(let bytes):
                used += copy(bytes, to: start)
                code = csqlite_bind_text(pointer, index, bound.baseAddress?.advanced(by: start), Int32(used - start))
            case .blob(let bytes):
                used += copy(bytes, to: start)
                code = csqlite_bind_blob(pointer, index, bound.baseAddress?.advanced(by: start), Int32(used - start))
            case .null: code = sqlite3_bind_null(pointer, index)
            }
            guard code == SQLITE_OK else { return code }
        }
        return SQLITE_OK
    }

    /// Nothing is bound now, so nothing points into the old memory.
    private func makeRoom(_ count: Int) {
        guard count > bound.count else { return }
        bound.deallocate()
        bound = .allocate(byteCount: count * 2, alignment: 1)
    }

    private func copy(_ bytes: some Collection<UInt8>, to start: Int) -> Int {
        UnsafeMutableRawBufferPointer(rebasing: bound[start...]).copyBytes(from: bytes)
        return bytes.count
    }

    func reset() {
        sqlite3_reset(pointer)
        sqlite3_clear_bindings(pointer)
    }
}

extension SqliteValue {
    fileprivate var byteCount: Int {
        switch self {
        case .integer, .null: 0
        case .text(let text): text.utf8.count
        case .utf8(let bytes): bytes.count
        case .blob(let bytes): bytes.count
        }
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

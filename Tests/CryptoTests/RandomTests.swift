import Crypto
import Testing

@Suite struct RandomTests {
    @Test func bytes_haveTheLengthAskedFor_andDiffer() throws {
        #expect(try Random.bytes(0).isEmpty)
        let first = try Random.bytes(32)
        #expect(first.count == 32)
        #expect(try Random.bytes(32) != first)
    }
}

/// Smallest element first; insertion and removal in O(log n).
struct BinaryHeap<Element: Comparable & Sendable>: Sendable {
    private var items: [Element] = []

    var first: Element? { items.first }
    var count: Int { items.count }

    mutating func removeAll() { items.removeAll(keepingCapacity: true) }

    mutating func insert(_ element: Element) {
        items.append(element)
        var child = items.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard items[child] < items[parent] else { return }
            items.swapAt(child, parent)
            child = parent
        }
    }

    mutating func popFirst() -> Element? {
        guard let result = items.first else { return nil }
        items.swapAt(0, items.count - 1)
        items.removeLast()
        var parent = 0
        while true {
            var least = parent
            for child in (2 * parent + 1)...(2 * parent + 2)
            where child < items.count && items[child] < items[least] {
                least = child
            }
            guard least != parent else { return result }
            items.swapAt(parent, least)
            parent = least
        }
    }

    /// Keeps what `isKept` says, in O(n log n): rarely used.
    mutating func filter(_ isKept: (Element) -> Bool) {
        let kept = items.filter(isKept)
        items.removeAll(keepingCapacity: true)
        for element in kept { insert(element) }
    }
}

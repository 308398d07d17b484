// SPDX-License-Identifier: Apache-2.0

package text

// HashOrder gives the indices of keys, which must be distinct, in the order in which a java.util.HashMap iterates
// them after they were put one after another into `new HashMap<>()`.
func HashOrder(keys []string) []int { return AppendHashOrder(make([]int, 0, len(keys)), keys, 0) }

// AppendHashOrder is HashOrder appending to dst, for `new HashMap<>(capacity)`; 0 stands for the default capacity.
func AppendHashOrder(dst []int, keys []string, capacity int) []int {
	var small [64]uint32
	hashes := appendHashes(small[:0], keys)
	size := TableSize(len(keys), capacity)
	if size <= treeTable && crowded(hashes) {
		size = crowdedTable(hashes, capacity)
	}
	return appendByBucket(dst, hashes, uint32(size-1))
}

// TableSize is how many buckets `new HashMap<>(capacity)` has after n keys were put into it; 0 stands for the default
// capacity.
func TableSize(n, capacity int) int {
	size := 16
	if capacity > 0 {
		for size = 1; size < capacity; size *= 2 {
		}
	}
	for n > size*3/4 {
		size *= 2
	}
	return size
}

// CopiedTableSize is how many buckets `new HashMap<>(map)` has, of a map of n keys, as Java 17 makes it. (From Java 19
// on it has half as many where n is 3, 6, 12, 24 and so on.)
func CopiedTableSize(n int) int {
	if n == 0 {
		return 16
	}
	return TableSize(0, int(float32(n)/0.75+1))
}

// AppendTableOrder is AppendHashOrder for a table of a known number of buckets, a power of two, however few the keys.
func AppendTableOrder(dst []int, keys []string, buckets int) []int {
	var small [64]uint32
	return appendByBucket(dst, appendHashes(small[:0], keys), uint32(buckets-1))
}

// SameBucket tells whether two keys share a bucket in a table of that many buckets.
func SameBucket(a, b string, buckets int) bool { return (spread(a)^spread(b))&uint32(buckets-1) == 0 }

// spread is HashMap.hash.
func spread(key string) uint32 {
	h := uint32(HashCode(key))
	return h ^ h>>16
}

func appendHashes(dst []uint32, keys []string) []uint32 {
	for _, k := range keys {
		dst = append(dst, spread(k))
	}
	return dst
}

// treeTable is the table size below which HashMap answers a crowded bucket (a ninth entry) by growing the table.
const treeTable = 64

const bucketLimit = 8

// crowded tells whether a bucket could ever hold more than eight of the hashes in a table of 16 or more. Smaller
// tables (explicit capacity) hold at most six entries before they grow.
func crowded(hashes []uint32) bool {
	if len(hashes) <= bucketLimit {
		return false
	}
	var count [16]int
	for _, h := range hashes {
		if count[h&15]++; count[h&15] > bucketLimit {
			return true
		}
	}
	return false
}

// crowdedTable plays the insertions one by one to learn the final size of the table.
func crowdedTable(hashes []uint32, capacity int) int {
	size := 16
	if capacity > 0 {
		for size = 1; size < capacity; size *= 2 {
		}
	}
	for n, h := range hashes {
		inBucket := 0
		for _, o := range hashes[:n] {
			if (o^h)&uint32(size-1) == 0 {
				inBucket++
			}
		}
		if inBucket >= bucketLimit && size < treeTable {
			size *= 2
		}
		if n+1 > size*3/4 {
			size *= 2
		}
	}
	return size
}

// appendByBucket sorts indices by bucket, keeping the order of insertion inside one: tables split in order when they
// grow. (Buckets turned into trees, nine or more entries in a table of 64 or more, may differ.)
func appendByBucket(dst []int, hashes []uint32, mask uint32) []int {
	base := len(dst)
	if len(hashes) <= 32 {
		for i, h := range hashes {
			dst = append(dst, i)
			j := len(dst) - 1
			for ; j > base && hashes[dst[j-1]]&mask > h&mask; j-- {
				dst[j] = dst[j-1]
			}
			dst[j] = i
		}
		return dst
	}
	next := make([]int, mask+2)
	for _, h := range hashes {
		next[h&mask+1]++
	}
	for b := 1; b < len(next); b++ {
		next[b] += next[b-1]
	}
	for range hashes {
		dst = append(dst, 0)
	}
	for i, h := range hashes {
		dst[base+next[h&mask]] = i
		next[h&mask]++
	}
	return dst
}

// SPDX-License-Identifier: Apache-2.0

package kafka

import (
	"math/bits"

	"github.com/twmb/franz-go/pkg/kgo"
)

// recordPool lends kgo the slices it decodes records into: a Record is 200 bytes, more than most of what it carries.
// Size classes are powers of two; each class keeps a few slices in a channel, so what is held is bounded and survives
// the garbage collector, unlike a sync.Pool's.
type recordPool struct {
	classes [maxPooledClass + 1]chan []kgo.Record
}

const (
	minPooledClass = 6  // 64 records: below, garbage is cheaper
	maxPooledClass = 15 // 32,768 records, 6.5 MB
	pooledPerClass = 8
)

func newRecordPool() *recordPool {
	p := &recordPool{}
	for i := minPooledClass; i < len(p.classes); i++ {
		// The large classes are the ones that hurt to keep.
		p.classes[i] = make(chan []kgo.Record, max(1, min(pooledPerClass, 1<<(maxPooledClass-i))))
	}
	return p
}

// GetRecords implements kgo.PoolRecords.
func (p *recordPool) GetRecords(n int) []kgo.Record {
	class := bits.Len(uint(max(n, 1) - 1))
	if class < minPooledClass || class > maxPooledClass {
		return make([]kgo.Record, 0, n)
	}
	select {
	case s := <-p.classes[class]:
		return s[:0]
	default:
		return make([]kgo.Record, 0, 1<<class)
	}
}

// PutRecords implements kgo.PoolRecords. kgo has cleared what was used.
func (p *recordPool) PutRecords(s []kgo.Record) {
	class := bits.Len(uint(max(cap(s), 1) - 1))
	if class < minPooledClass || class > maxPooledClass || cap(s) != 1<<class {
		return
	}
	select {
	case p.classes[class] <- s:
	default:
	}
}

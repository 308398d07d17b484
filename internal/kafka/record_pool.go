// SPDX-License-Identifier: Apache-2.0

package kafka

import (
	"math/bits"
	"sync"
	"unsafe"

	"github.com/twmb/franz-go/pkg/kgo"
)

// recordPool lends kgo the slices it decodes records into: a Record is 200 bytes, often more than what it carries.
// Size classes are powers of two. What is idle is bounded by bytes over all classes, and survives the garbage
// collector, unlike a sync.Pool's; the class used longest ago makes room. Once per fetched batch, so a mutex will do.
type recordPool struct {
	mu      sync.Mutex
	classes [maxPooledClass + 1]recordClass
	idle    int // bytes
	clock   int
}

type recordClass struct {
	free [][]kgo.Record
	used int // clock of the last call
}

const (
	minPooledClass  = 5  // 32 records: below, garbage is cheaper
	maxPooledClass  = 15 // 32,768 records, 6.5 MB
	pooledIdleBytes = 12 << 20
)

func newRecordPool() *recordPool { return &recordPool{} }

func recordClassOf(n int) int { return bits.Len(uint(max(n, 1) - 1)) }

func recordClassBytes(class int) int { return int(unsafe.Sizeof(kgo.Record{})) << class }

// GetRecords implements kgo.PoolRecords.
func (p *recordPool) GetRecords(n int) []kgo.Record {
	class := recordClassOf(n)
	if class < minPooledClass || class > maxPooledClass {
		return make([]kgo.Record, 0, n)
	}
	p.mu.Lock()
	s := p.pop(class)
	p.touch(class)
	p.mu.Unlock()
	if s == nil {
		s = make([]kgo.Record, 0, 1<<class)
	}
	return s[:0]
}

// PutRecords implements kgo.PoolRecords. kgo has cleared what was used.
func (p *recordPool) PutRecords(s []kgo.Record) {
	class := recordClassOf(cap(s))
	if class < minPooledClass || class > maxPooledClass || cap(s) != 1<<class {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.touch(class)
	p.classes[class].free = append(p.classes[class].free, s)
	for p.idle += recordClassBytes(class); p.idle > pooledIdleBytes; {
		p.pop(p.oldest())
	}
}

func (p *recordPool) touch(class int) {
	p.clock++
	p.classes[class].used = p.clock
}

func (p *recordPool) pop(class int) []kgo.Record {
	c := &p.classes[class]
	last := len(c.free) - 1
	if last < 0 {
		return nil
	}
	s := c.free[last]
	c.free[last] = nil
	c.free = c.free[:last]
	p.idle -= recordClassBytes(class)
	return s
}

// oldest is the class with something idle that was used longest ago.
func (p *recordPool) oldest() int {
	at := -1
	for i := range p.classes {
		if len(p.classes[i].free) > 0 && (at < 0 || p.classes[i].used < p.classes[at].used) {
			at = i
		}
	}
	return at
}

// SPDX-License-Identifier: Apache-2.0

package faults

import (
	"fmt"
	"slices"
	"sync"
	"time"
)

// A ledger counts the records of one stream that arrived at one place. Its methods may be called from any goroutine.
type ledger struct {
	stream stream

	mu       sync.Mutex
	times    []uint8 // how often record seq arrived, up to 255
	first    []int32 // records in the order of their first arrival
	place    []place // of the first arrival of record seq, where partitions are known
	next     map[int32]int32
	firstAt  []time.Time // of record seq
	repeats  []repeat
	distinct int
	total    int // whole records, repeated ones included
	torn     int
	corrupt  []string // of what was neither, the first few
	corrupts int
}

// place is where in a topic a record lies: its partition and its rank in it.
type place struct{ partition, rank int32 }

// repeat is the arrival of a record that had arrived before.
type repeat struct {
	seq int32
	at  time.Time
}

func newLedger(s stream) *ledger { return &ledger{stream: s, next: map[int32]int32{}} }

// noPartition is for records of which only the content is known: lines of a file.
const noPartition int32 = -1

// add counts a record that arrived now.
func (l *ledger) add(partition int32, line []byte) {
	seq, v := l.stream.parse(line)
	l.mu.Lock()
	defer l.mu.Unlock()
	switch v {
	case torn:
		l.torn++
		return
	case corrupt:
		if l.corrupts++; len(l.corrupt) < 5 {
			l.corrupt = append(l.corrupt, fmt.Sprintf("%.200q", line))
		}
		return
	}
	for len(l.times) <= seq {
		l.times = append(l.times, 0)
		l.place = append(l.place, place{partition: noPartition})
		l.firstAt = append(l.firstAt, time.Time{})
	}
	l.total++
	if partition != noPartition {
		rank := l.next[partition]
		l.next[partition] = rank + 1
		if l.times[seq] == 0 {
			l.place[seq] = place{partition, rank}
		}
	}
	if l.times[seq] == 0 {
		l.distinct++
		l.first = append(l.first, int32(seq))
		l.firstAt[seq] = time.Now()
	} else {
		l.repeats = append(l.repeats, repeat{int32(seq), time.Now()})
	}
	l.times[seq] = min(l.times[seq], 254) + 1
}

// counts returns how many different records arrived, and how many arrivals were repetitions.
func (l *ledger) counts() (distinct, again int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.distinct, l.total - l.distinct
}

// An excuse is a reason for repetitions: those that arrive between from and to, of records that arrived first at oldest
// or later.
type excuse struct{ from, to, oldest time.Time }

// unexcused lists repetitions that no excuse covers. A record that lies in the topic more than once, when there is one,
// is left out: it has to be repeated.
func (l *ledger) unexcused(topic *ledger, excuses []excuse) []repeat {
	l.mu.Lock()
	defer l.mu.Unlock()
	if topic != nil {
		topic.mu.Lock()
		defer topic.mu.Unlock()
	}
	var out []repeat
	for _, r := range l.repeats {
		first := l.firstAt[r.seq]
		ok := topic != nil && topic.have(int(r.seq)) > 1
		for i := 0; i < len(excuses) && !ok; i++ {
			e := excuses[i]
			ok = !r.at.Before(e.from) && !r.at.After(e.to) && !first.Before(e.oldest)
		}
		if !ok {
			out = append(out, r)
		}
	}
	return out
}

// explain counts the repetitions in l that nothing excuses, and shows some of them.
func (f *Finding) explain(l, topic *ledger, excuses []excuse) {
	bad := l.unexcused(topic, excuses)
	f.Unexcused = len(bad)
	const clock = "15:04:05.000"
	for i, r := range bad {
		if i < 3 || i == len(bad)-1 {
			f.Examples = append(f.Examples, fmt.Sprintf("record %d came at %s and again at %s", r.seq, l.firstAt[r.seq].Format(clock), r.at.Format(clock)))
		}
	}
}

// Finding is what a ledger says in the end.
type Finding struct {
	// Records is how many were expected, a repeated one in the topic counted as often as it lies there.
	Records int
	// Lost is how many did not arrive, Duplicated how many arrivals were too many, Unexcused how many of those no fault
	// explains: none before them may repeat, or they are older than a flush interval before it.
	Lost, Duplicated, Unexcused int
	// Disordered is how many records arrived for the first time after one that lies behind them in their partition.
	Disordered int
	// Torn is how many lines are only the beginning of a record, Corrupt how many are no record at all.
	Torn, Corrupt int
	// Examples shows the first of what was corrupt or lost.
	Examples []string
}

// judgeTopic compares the records in a topic with those that a source was given: 0 to n-1, in this order.
func (l *ledger) judgeTopic(n int) Finding {
	l.mu.Lock()
	defer l.mu.Unlock()
	f := l.finding(n)
	for seq := range max(n, len(l.times)) {
		switch have := l.have(seq); {
		case seq >= n:
			f.Corrupt += have // a record nobody has made
		case have == 0:
			f.lost(1, seq)
		default:
			f.Duplicated += have - 1
		}
	}
	highest := map[int32]int32{}
	for _, seq := range l.first {
		p := l.place[seq].partition
		if h, ok := highest[p]; ok && seq < h {
			f.Disordered++
		} else {
			highest[p] = seq
		}
	}
	return f
}

// judgeSink compares the lines a sink wrote with the topic it read: each as often as it lies there, each partition in
// the order of its offsets. Where a record lies in a topic twice it has no one place; those are left out of the order.
func (l *ledger) judgeSink(topic *ledger) Finding {
	l.mu.Lock()
	defer l.mu.Unlock()
	topic.mu.Lock()
	defer topic.mu.Unlock()
	f := l.finding(topic.total)
	for seq := range max(len(topic.times), len(l.times)) {
		want, have := topic.have(seq), l.have(seq)
		switch {
		case want == 0:
			f.Corrupt += have
		case have < want:
			f.lost(want-have, seq)
		default:
			f.Duplicated += have - want
		}
	}
	highest := map[int32]int32{}
	for _, seq := range l.first {
		if topic.have(int(seq)) != 1 {
			continue
		}
		at := topic.place[seq]
		if h, ok := highest[at.partition]; ok && at.rank < h {
			f.Disordered++
		} else {
			highest[at.partition] = at.rank
		}
	}
	return f
}

func (l *ledger) finding(n int) Finding {
	return Finding{Records: n, Torn: l.torn, Corrupt: l.corrupts, Examples: slices.Clone(l.corrupt)}
}

func (l *ledger) have(seq int) int {
	if seq >= len(l.times) {
		return 0
	}
	return int(l.times[seq])
}

func (f *Finding) lost(n, seq int) {
	if f.Lost == 0 {
		f.Examples = append(f.Examples, fmt.Sprintf("record %d is the first one lost", seq))
	}
	f.Lost += n
}

// add sums up the findings of several streams.
func (f *Finding) add(g Finding) {
	f.Records += g.Records
	f.Lost += g.Lost
	f.Duplicated += g.Duplicated
	f.Unexcused += g.Unexcused
	f.Disordered += g.Disordered
	f.Torn += g.Torn
	f.Corrupt += g.Corrupt
	f.Examples = append(f.Examples, g.Examples...)
}

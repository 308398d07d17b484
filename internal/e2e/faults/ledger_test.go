// SPDX-License-Identifier: Apache-2.0

package faults

import (
	"bytes"
	"testing"
	"time"
	"unicode/utf8"
)

func TestRecordsAreTheirOwnProof(t *testing.T) {
	s := stream{"a", 1}
	for seq := range 3000 {
		line := s.append(nil, seq)
		if got, v := s.parse(line); got != seq || v != whole {
			t.Fatalf("record %d reads as %d, %d", seq, got, v)
		}
		if !bytes.Equal(line, s.append(nil, seq)) || bytes.ContainsAny(line, "\r\n") || !utf8.Valid(line) {
			t.Fatalf("record %d is not fit for a line", seq)
		}
		for _, n := range []int{0, 1, 2, len(line) / 2, len(line) - 1} {
			if _, v := s.parse(line[:n]); v != torn && (n != len(line)-1 || v != whole) {
				t.Fatalf("the first %d bytes of record %d are %d", n, seq, v)
			}
		}
		damaged := bytes.Clone(line)
		damaged[len(damaged)-1] ^= 1
		if _, v := s.parse(damaged); v != corrupt {
			t.Fatalf("damaged record %d is %d", seq, v)
		}
		if _, v := s.parse(append(line, line...)); v != corrupt {
			t.Fatalf("two records in a line are %d", v)
		}
	}
	if _, v := s.parse(stream{"b", 1}.append(nil, 0)); v != corrupt {
		t.Errorf("a record of another stream is %d", v)
	}
}

// arrive makes a ledger of a topic: pairs of partition and record.
func arrive(pairs ...int) *ledger {
	s := stream{"a", 1}
	l := newLedger(s)
	for i := 0; i < len(pairs); i += 2 {
		l.add(int32(pairs[i]), s.append(nil, pairs[i+1]))
	}
	return l
}

func TestJudgeTopic(t *testing.T) {
	f := func(l *ledger, n, lost, duplicated, disordered, corrupt int) {
		t.Helper()
		got := l.judgeTopic(n)
		if got.Lost != lost || got.Duplicated != duplicated || got.Disordered != disordered || got.Corrupt != corrupt {
			t.Errorf("got %+v", got)
		}
	}
	// in order, over two partitions
	f(arrive(0, 0, 1, 1, 0, 2), 3, 0, 0, 0, 0)
	// the last is missing, the middle is missing
	f(arrive(0, 0, 1, 1), 3, 1, 0, 0, 0)
	f(arrive(0, 0, 0, 2), 3, 1, 0, 0, 0)
	// a repetition in the same and in the other partition is no disorder
	f(arrive(0, 0, 0, 1, 0, 0, 1, 1, 0, 2), 3, 0, 2, 0, 0)
	// a record behind its successor
	f(arrive(0, 0, 0, 2, 0, 1), 3, 0, 0, 1, 0)
	f(arrive(0, 0, 0, 2, 1, 1), 3, 0, 0, 0, 0)
	// more than was made
	f(arrive(0, 0, 0, 1), 1, 0, 0, 0, 1)
}

func TestJudgeSink(t *testing.T) {
	topic := arrive(0, 0, 1, 1, 0, 2, 0, 2, 1, 3, 0, 4)
	f := func(lines []int, lost, duplicated, disordered int) {
		t.Helper()
		var pairs []int
		for _, n := range lines {
			pairs = append(pairs, int(noPartition), n)
		}
		got := arrive(pairs...).judgeSink(topic)
		if got.Lost != lost || got.Duplicated != duplicated || got.Disordered != disordered || got.Corrupt != 0 {
			t.Errorf("%v: got %+v", lines, got)
		}
	}
	// the partitions in any order against each other
	f([]int{0, 1, 2, 2, 3, 4}, 0, 0, 0)
	f([]int{1, 3, 0, 2, 2, 4}, 0, 0, 0)
	// back to what was committed
	f([]int{0, 1, 2, 0, 1, 2, 2, 3, 4}, 0, 3, 0)
	// one of two copies is missing
	f([]int{0, 1, 2, 3, 4}, 1, 0, 0)
	// the order of partition 1, then that of partition 0
	f([]int{0, 3, 1, 2, 2, 4}, 0, 0, 1)
	f([]int{4, 1, 2, 2, 3, 0}, 0, 0, 1)
}

func TestTorn(t *testing.T) {
	s := stream{"a", 1}
	l := newLedger(s)
	l.add(noPartition, s.append(nil, 0))
	l.add(noPartition, s.append(nil, 1)[:9])
	l.add(noPartition, []byte("something else"))
	if got := l.judgeSink(arrive(0, 0)); got.Torn != 1 || got.Corrupt != 1 || got.Lost != 0 {
		t.Errorf("got %+v", got)
	}
}

func TestExcuses(t *testing.T) {
	l := arrive(0, 0, 0, 1, 0, 0, 0, 1)
	first, again := l.firstAt[0], l.repeats[0].at
	f := func(want int, topic *ledger, excuses ...excuse) {
		t.Helper()
		if got := len(l.unexcused(topic, excuses)); got != want {
			t.Errorf("%d are unexcused, want %d", got, want)
		}
	}
	later := again.Add(time.Minute)
	f(2, nil)
	f(0, nil, excuse{first, later, first})
	// too late, too early
	f(2, nil, excuse{first, again.Add(-time.Nanosecond), first})
	f(2, nil, excuse{later, later, first})
	// of records older than the excuse
	f(2, nil, excuse{first, later, later})
	f(0, nil, excuse{first, later, later}, excuse{first, later, first})
	// records that lie twice in the topic
	f(1, arrive(0, 0, 0, 1, 0, 1))
}

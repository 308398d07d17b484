// SPDX-License-Identifier: Apache-2.0

package ring

import "testing"

func TestEverythingArrivesInOrder(t *testing.T) {
	const n = 100_000
	r := New[int](8)
	room := make(chan struct{}, 8)
	go func() {
		for i := range n {
			room <- struct{}{}
			r.Push(i)
		}
		r.Close()
	}()
	next := 0
	for {
		x, ok := r.Pop()
		if ok {
			if x != next {
				t.Fatalf("got %d, want %d", x, next)
			}
			next++
			<-room
			continue
		}
		if r.Drained() {
			break
		}
		if r.Park() {
			<-r.Wake()
		}
	}
	if next != n {
		t.Fatalf("%d arrived, want %d", next, n)
	}
}

func TestFullRingIsABug(t *testing.T) {
	r := New[int](2)
	r.Push(1)
	r.Push(2)
	defer func() {
		if recover() == nil {
			t.Error("a push into a full ring went unnoticed")
		}
	}()
	r.Push(3)
}

func TestPushPopDoNotAllocate(t *testing.T) {
	r := New[*int](2)
	x := new(int)
	if n := testing.AllocsPerRun(100, func() { r.Push(x); r.Pop() }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkPushPop(b *testing.B) {
	r := New[int](2)
	b.ReportAllocs()
	for b.Loop() {
		r.Push(1)
		r.Pop()
	}
}

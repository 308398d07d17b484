// SPDX-License-Identifier: Apache-2.0

package datagen

import (
	"testing"

	"github.com/penstock-io/penstock/batch"
)

func TestEvents(t *testing.T) {
	s := &source{topic: "t", template: events, partition: []byte(`{"task":0}`)}
	b := batch.New()
	s.fill(b, 3)
	if err := b.Check(); err != nil {
		t.Fatal(err)
	}
	root := b.Value.Variants[0].Root
	// Its number decides everything in a row.
	want := []any{int64(1), int32(7919), "logout", int64(1_760_000_000_001), "user7919@example.com", "10.1.2.239", 79.19, "EUR", "DE", "ios", false,
		"5f0c6a1e-9d0b-4c57-8a3e-100000007919"}
	for i, w := range want {
		if got := b.Read(root.Kids[i], 1); got != w {
			t.Errorf("field %s is %v, want %v", root.Schema.Fields[i].Name, got, w)
		}
	}
	if !root.Kids[8].IsNull(0) {
		t.Error("the country of user 0 is not null")
	}
}

func TestEventsAlloc(t *testing.T) {
	s := &source{topic: "t", template: events, partition: []byte(`{"task":0}`)}
	b := batch.New()
	round := func() {
		b.Reset()
		s.fill(b, burst)
	}
	round()
	if n := testing.AllocsPerRun(50, round); n > 8 {
		t.Errorf("%v allocations per batch of %d", n, burst)
	}
}

// SPDX-License-Identifier: Apache-2.0

package datagen

import (
	"fmt"
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

// TestEventTexts checks every text against its formula, for all users.
func TestEventTexts(t *testing.T) {
	s := &source{topic: "t", template: events, partition: []byte(`{"task":0}`), next: 123_456_789_012}
	b := batch.New()
	for range (userCount + burst - 1) / burst {
		from := s.next
		b.Reset()
		s.fill(b, burst)
		kids := b.Value.Variants[0].Root.Kids
		for i := range b.N {
			row := from + int64(i)
			u := row * 7919 % 1_000_000
			text := func(k int) string { return string(b.Slab.Bytes(batch.View(kids[k].W[i]))) }
			got := fmt.Sprint(kids[0].W[i], kids[1].W[i], text(4), text(5), text(11), kids[8].IsNull(i))
			if want := fmt.Sprint(row, u, fmt.Sprintf("user%d@example.com", u), fmt.Sprintf("10.1.2.%d", u%256),
				fmt.Sprintf("5f0c6a1e-9d0b-4c57-8a3e-%d", 100_000_000_000+u), u%3 == 0); got != want {
				t.Fatalf("got  %s\nwant %s", got, want)
			}
		}
	}
}

func BenchmarkEvents(b *testing.B) {
	s := &source{topic: "t", template: events, partition: []byte(`{"task":0}`)}
	to := batch.New()
	for n := 0; n < b.N; n += burst {
		to.Reset()
		s.fill(to, burst)
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
	if n := testing.AllocsPerRun(50, round); n > 0 {
		t.Errorf("%v allocations per batch of %d", n, burst)
	}
}

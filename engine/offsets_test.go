// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"fmt"
	"testing"

	"github.com/penstock-io/penstock/batch"
)

func marked(marks ...string) *batch.Batch {
	b := batch.New()
	for i := 0; i < len(marks); i += 2 {
		b.N++
		b.AddMark(b.Slab.AppendText(marks[i]), b.Slab.AppendText(marks[i+1]))
	}
	return b
}

func TestTrackerIsAWatermark(t *testing.T) {
	tr := newTracker()
	want := func(text string) {
		t.Helper()
		if got := fmt.Sprint(tr.take()); got != text {
			t.Errorf("got %s, want %s", got, text)
		}
	}
	a := tr.sending(marked("p", "1", "p", "2"))
	b := tr.sending(marked("p", "3", "q", "1"))
	c := tr.sending(marked("p", "4"))
	want("map[]")
	// c is safe, but what was sent before it in p is not
	c.ack()
	want("map[]")
	// q does not wait for p
	b.ack()
	want("map[q:1]")
	a.ack()
	want("map[p:4]")
	want("map[]")
	// what could not be stored comes back, unless there is something newer
	d := tr.sending(marked("p", "5", "q", "2"))
	d.ack()
	lost := tr.take()
	tr.sending(marked("p", "6")).ack()
	tr.giveBack(lost)
	want("map[p:6 q:2]")
}

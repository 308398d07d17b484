// SPDX-License-Identifier: Apache-2.0

package mirror

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"testing"

	"github.com/penstock-io/penstock/connectors"
	"github.com/penstock-io/penstock/internal/kafka"
)

func TestOffsetSyncBytes(t *testing.T) {
	if got := hex.EncodeToString(appendSyncKey(nil, kafka.TopicPartition{Topic: "tö", Partition: 258})); got != "000374c3b600000102" {
		t.Error(got)
	}
	if got := hex.EncodeToString(appendSyncValue(nil, offsetSync{1, 256})); got != "00000000000000010000000000000100" {
		t.Error(got)
	}
}

func newSyncState(partition int32) *syncState {
	return &syncState{tp: kafka.TopicPartition{Topic: "t", Partition: partition}, upstream: -1, downstream: -1, synced: -1}
}

// sentSyncs takes what is in the queue, as upstream=downstream.
func sentSyncs(o *offsetSyncs) string {
	out := ""
	for len(o.queue) > 0 {
		r := <-o.queue
		n := func(p []byte) (n int) {
			for _, b := range p {
				n = n<<8 | int(b)
			}
			return n
		}
		value := len(r.rows.Buf) - 16
		out += fmt.Sprintf("%d:%d=%d ", n(r.rows.Buf[value-4:value]), n(r.rows.Buf[value:value+8]), n(r.rows.Buf[value+8:]))
	}
	return out
}

func TestWhenASyncIsDue(t *testing.T) {
	f := func(want string, lag int64, pairs ...int64) {
		t.Helper()
		o := newOffsetSyncs("syncs", lag, slog.New(slog.DiscardHandler))
		s := newSyncState(0)
		for i := 0; i < len(pairs); i += 2 {
			o.written(s, pairs[i:i+1], pairs[i+1:i+2])
		}
		if got := sentSyncs(o); got != want {
			t.Errorf("%v: sent %q, want %q", pairs, got, want)
		}
	}
	// The first of this life.
	f("0:5=9 ", 100, 5, 9, 6, 10, 7, 11)
	// A gap upstream.
	f("0:5=9 0:8=10 ", 100, 5, 9, 8, 10, 9, 11)
	// The target's topic was cut.
	f("0:5=9 0:6=2 ", 100, 5, 9, 6, 2, 7, 3)
	// The lag: a translated offset is one past the last sync, so three more are allowed.
	f("0:0=0 0:4=4 ", 3, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5)
	f("0:0=0 0:1=1 0:2=2 ", 0, 0, 0, 1, 1, 2, 2)
}

func TestSyncsThatWait(t *testing.T) {
	o := newOffsetSyncs("syncs", 2, slog.New(slog.DiscardHandler))
	a, b := newSyncState(1), newSyncState(2)
	// Rows that were not written do not count; the last one waits for the commit.
	o.written(a, []int64{0, 1, 2, 3}, []int64{0, 1, -1, 2})
	if got, want := sentSyncs(o), "1:0=0 1:3=2 "; got != want {
		t.Fatalf("sent %q, want %q", got, want)
	}
	o.sent(nil)
	o.sent(errors.New("lost"))
	o.written(a, []int64{4}, []int64{3})
	o.written(b, []int64{0, 1}, []int64{7, 8})
	if got, want := sentSyncs(o), "2:0=7 "; got != want {
		t.Fatalf("sent %q, want %q", got, want)
	}
	o.commit()
	o.commit()
	if got, want := sentSyncs(o), "1:4=3 2:1=8 "; got != want {
		t.Fatalf("sent %q, want %q", got, want)
	}
	// Ten under way; what comes then replaces what waits for its partition, in the order of the partitions.
	for i := range int64(20) {
		o.written(a, []int64{100 + 10*i}, []int64{100 + i})
		o.written(b, []int64{100 + 10*i}, []int64{100 + i})
	}
	if n := len(o.queue); n != 7 { // three are not answered yet
		t.Fatalf("%d are under way", n)
	}
	sentSyncs(o)
	for range 10 {
		o.sent(nil)
	}
	if got, want := sentSyncs(o), "2:290=119 1:290=119 "; got != want {
		t.Fatalf("sent %q, want %q", got, want)
	}
	o.sent(nil)
	o.stop = func() {}
	done := make(chan struct{})
	go func() { o.close(context.Background()); close(done) }()
	o.sent(nil)
	<-done
}

func TestAlterOffsets(t *testing.T) {
	f := func(want, partition, offset string) {
		t.Helper()
		ok, err := (&sourceConnector{}).AlterOffsets(nil, []connectors.PartitionOffset{{Partition: []byte(partition), Offset: []byte(offset)}})
		got := ""
		if err != nil {
			got = err.Error()
		}
		if !ok || got != want {
			t.Errorf("%s %s: %q, want %q", partition, offset, got, want)
		}
	}
	good := `{"cluster":"a","topic":"t","partition":3}`
	f("", good, `{"offset":7}`)
	f("", good, `null`)
	f("", `{"garbage":1}`, `null`)
	f("", `null`, ``)
	f("Source partitions may not be null", `null`, `{"offset":1}`)
	f("Source partition {topic=t, partition=3} is missing the 'cluster' key, which is required", `{"topic":"t","partition":3}`, `{"offset":1}`)
	f("Source partition {cluster=1, topic=t, partition=3} has an invalid value 1 for the 'cluster' key, which must be a string", `{"cluster":1,"topic":"t","partition":3}`, `{"offset":1}`)
	f("Source partition {cluster=a, topic=t} is missing the 'partition' key, which is required", `{"cluster":"a","topic":"t"}`, `{"offset":1}`)
	f("Source partition {cluster=a, topic=t, partition=3} has an invalid value 3 for the 'partition' key, which must be an integer", `{"cluster":"a","topic":"t","partition":"3"}`, `{"offset":1}`)
	f("Source partition {cluster=a, topic=t, partition=2147483648} has an invalid value 2147483648 for the 'partition' key, which must be an integer", `{"cluster":"a","topic":"t","partition":2147483648}`, `{"offset":1}`)
	f("Source partition {cluster=a, topic=t, partition=-1} has an invalid value -1 for the 'partition' key, which cannot be negative", `{"cluster":"a","topic":"t","partition":-1}`, `{"offset":1}`)
	f("Source offset {x=1} for source partition {cluster=a, topic=t, partition=3} is missing the 'offset' key, which is required", good, `{"x":1}`)
	f("Source offset {offset=1.5} for source partition {cluster=a, topic=t, partition=3} has an invalid value 1.5 for the 'offset' key, which must be an integer", good, `{"offset":1.5}`)
	f("Source offset {offset=null} for source partition {cluster=a, topic=t, partition=3} has an invalid value null for the 'offset' key, which must be an integer", good, `{"offset":null}`)
	f("Source offset {offset=-1} for source partition {cluster=a, topic=t, partition=3} has an invalid value -1 for the 'offset' key, which cannot be negative", good, `{"offset":-1}`)
}

func TestOffsetTexts(t *testing.T) {
	if got := string(partitionJSON(`a"ü`, kafka.TopicPartition{Topic: "t", Partition: 12})); got != `{"cluster":"a\"ü","partition":12,"topic":"t"}` {
		t.Error(got)
	}
	if got := string(appendOffset(nil, 42)); got != `{"offset":42}` {
		t.Error(got)
	}
	f := func(text string, want int64, ok bool) {
		t.Helper()
		if got, err := offsetOf([]byte(text)); (err == nil) != ok || ok && got != want {
			t.Errorf("%q: %d, %v", text, got, err)
		}
	}
	f("", -1, true)
	f("null", -1, true)
	f(`{"offset":null}`, -1, true)
	f(`{"offset":0}`, 0, true)
	f(`{"offset":"x"}`, 0, false)
}

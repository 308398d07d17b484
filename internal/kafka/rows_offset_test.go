// SPDX-License-Identifier: Apache-2.0

package kafka

import (
	"fmt"
	"testing"

	"github.com/penstock-io/penstock/internal/embedded"
)

// Both paths tell where rows were written, and -1 for rows that were left out.
func TestRowsLearnTheirOffsets(t *testing.T) {
	b := startBroker(t, embedded.Options{Partitions: 2})
	for _, path := range []Path{PathClient, PathBatch} {
		cfg, err := Parse(RoleProducer, map[string]string{"bootstrap.servers": b.Addr()})
		if err != nil {
			t.Fatal(err)
		}
		p, err := OpenProducer(cfg, ProducerOptions{Path: path})
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		next := [2]int64{}
		for call := range 3 {
			rows := numbered(0, 7)
			rows.Topic, rows.Partition, rows.Offset = "offsets-"+string(path), make([]int32, 7), make([]int64, 7)
			rows.Skip = func(i int) bool { return i == 3 }
			want := make([]int64, 7)
			for i := range 7 {
				rows.Partition[i], rows.Offset[i], want[i] = int32(i%2), -1, -1
				if i != 3 {
					want[i] = next[i%2]
					next[i%2]++
				}
			}
			if errs := produceRows(t, p, rows); len(errs) > 0 {
				t.Fatal(errs[0].Err)
			}
			if fmt.Sprint(rows.Offset) != fmt.Sprint(want) {
				t.Errorf("%s path, call %d: offsets are %v, want %v", path, call, rows.Offset, want)
			}
		}
	}
}

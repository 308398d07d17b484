// SPDX-License-Identifier: Apache-2.0

package example

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/connectors"
)

// Example walks a record from the source to the sink, as the engine does it.
func Example() {
	ctx := context.Background()
	source := &Counter{}
	task := connectors.TaskContext{
		Config: map[string]string{"topic": "numbers", "interval.ms": "1"},
		Offset: func(context.Context, json.RawMessage) (json.RawMessage, error) {
			return json.RawMessage(`{"next":41}`), nil
		},
	}
	if err := source.Open(ctx, task); err != nil {
		fmt.Println(err)
		return
	}
	b, sink := batch.New(), &Sum{}
	for range 2 {
		if err := source.Poll(ctx, b); err != nil {
			fmt.Println(err)
			return
		}
		if err := sink.Put(ctx, []*batch.Batch{b}); err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("%s after %s\n", b.Slab.Bytes(b.Marks[0].Offset), b.Topics.At(0))
		b.Reset()
	}
	fmt.Println(sink.Total)
	// Output:
	// {"next":42} after numbers
	// {"next":43} after numbers
	// 83
}

func TestSumRefusesOtherTypes(t *testing.T) {
	b := batch.New()
	b.Load([]batch.Record{{Topic: "t", ValueSchema: batch.StringSchema, Value: "x"}}, true)
	if err := (&Sum{}).Put(t.Context(), []*batch.Batch{b}); batch.ClassOf(err) != batch.DataException {
		t.Errorf("got %v", err)
	}
}

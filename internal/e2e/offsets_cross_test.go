// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/penstock-io/penstock/internal/e2e/stack"
)

// The offset file of the standalone worker goes from one implementation to the other and back: each continues where
// the one before stopped, so the topic holds every line once and in order.
func TestOffsetFileCross(t *testing.T) {
	f := func(name string, hops ...stack.Kind) {
		t.Run(name, func(t *testing.T) {
			s := spec(t)
			topic := unique(t, "topic")
			createTopic(t, topic, 1)
			in := filepath.Join(s.Dir, "in.txt")
			name := unique(t, "source")
			connector, err := stack.WriteConnector(s.Dir, name, map[string]string{
				"connector.class": "FileStreamSource", "tasks.max": "1", "file": in, "topic": topic,
				"key.converter": stringConverter, "value.converter": stringConverter,
				// More than the file has: the JVM's source leaves lines in its buffer when the last batch is a full one.
				"batch.size": "1000000",
			})
			if err != nil {
				t.Fatal(err)
			}
			s.Connectors = []string{connector}
			admin := kadm.NewClient(kafkaClient(t))
			const step = 5000
			var content bytes.Buffer
			for hop, kind := range hops {
				for i := range step {
					fmt.Fprintf(&content, "hop %d line %d\n", hop, i)
				}
				if err := os.WriteFile(in, content.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
				s.Kind = kind
				w := start(t, s)
				want := int64(step * (hop + 1))
				eventually(t, time.Minute, fmt.Sprintf("%d records after hop %d (%s)", want, hop, kind), func() bool {
					healthy(t, w, name)
					return endOffset(t, admin, topic) >= want
				})
				stop(t, w)
				if n := endOffset(t, admin, topic); n != want {
					t.Fatalf("hop %d (%s): %d records, want %d: it did not continue at the stored position", hop, kind, n, want)
				}
			}
			got := bytes.Join(readTopic(t, topic)[0], []byte("\n"))
			if !bytes.Equal(append(got, '\n'), content.Bytes()) {
				t.Fatal("the topic's lines are not the file's lines")
			}
		})
	}
	f("from the JVM and back", stack.JVM, system.kind, stack.JVM)
	f("to the JVM and back", system.kind, stack.JVM, system.kind)
}

// SPDX-License-Identifier: Apache-2.0

package quickstart

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"
)

// tail follows the sink's file: it shows records, counts them and checks that none is missing or there twice.
type tail struct {
	path string
	out  io.Writer
	want int64

	lines, first, last   int64
	duplicates, missing  int64
	malformed, notMasked int64
	reader               *bufio.Reader
	partial              []byte
}

// skip reads what is there already, and starts counting after it.
func (t *tail) skip() error {
	out := t.out
	t.out = io.Discard
	err := t.readAll()
	*t = tail{path: t.path, out: out, want: t.want, last: t.last, reader: t.reader, partial: t.partial}
	return err
}

// follow reads until enough lines were seen or ctx ends.
func (t *tail) follow(ctx context.Context) error {
	for {
		if err := t.readAll(); err != nil {
			return err
		}
		if t.want > 0 && t.lines >= t.want {
			return nil
		}
		select {
		case <-ctx.Done():
			return t.readAll()
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func (t *tail) readAll() error {
	if t.reader == nil {
		f, err := os.Open(t.path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("follow the sink's file: %w", err)
		}
		t.reader = bufio.NewReader(f)
	}
	for {
		part, err := t.reader.ReadBytes('\n')
		t.partial = append(t.partial, part...)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("follow the sink's file: %w", err)
		}
		t.line(t.partial)
		t.partial = t.partial[:0]
	}
}

func (t *tail) line(p []byte) {
	t.lines++
	if t.lines <= shown || t.want == 0 || t.lines%100_000 == 0 {
		_, _ = fmt.Fprintf(t.out, "  %s", p)
	}
	var order struct {
		ID    int64  `json:"order_id"`
		Email string `json:"email"`
	}
	if err := json.Unmarshal(p, &order); err != nil || order.ID == 0 {
		t.malformed++
		return
	}
	if order.Email != "***" {
		t.notMasked++
	}
	switch {
	case order.ID <= t.last:
		t.duplicates++
		return
	case t.last > 0:
		t.missing += order.ID - t.last - 1
	}
	if t.first == 0 {
		t.first = order.ID
	}
	t.last = order.ID
}

// summary prints what was seen, and returns an error when it is not what should have been.
func (t *tail) summary(took time.Duration) error {
	_, _ = fmt.Fprintf(t.out, "\n%d sink records in %.1f s: orders %d to %d, %d missing, %d twice, %d malformed, %d not masked\n",
		t.lines, took.Seconds(), t.first, t.last, t.missing, t.duplicates, t.malformed, t.notMasked)
	if bad := t.missing + t.duplicates + t.malformed + t.notMasked; bad > 0 || t.want > 0 && t.lines < t.want {
		return fmt.Errorf("the pipeline did not deliver what it should: %d of %d records, %d of them wrong or missing", t.lines, t.want, bad)
	}
	return nil
}

// SPDX-License-Identifier: Apache-2.0

package file

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/connectors"
	"github.com/penstock-io/penstock/internal/java/text"
)

const (
	chunkBytes = 256 << 10 // of lines in a batch, about; the read buffer is twice as large
	markBytes  = 4 << 10   // room behind the lines for the source partition and offset
	slabStep   = 64 << 10  // what the slab of a large batch is rounded up to
	slabSlack  = 64        // of batch.Slab.Reserve
	smallBytes = 4 << 10   // the read buffer of a file that does not grow
	idleMin    = 10 * time.Millisecond
	idleMax    = 250 * time.Millisecond
	idleWatch  = 40 * time.Millisecond // from this pause on the kernel tells of a change instead of the clock
	pollWait   = time.Second           // how long Poll waits for a line before it returns nothing
)

// Source tails a file and makes a record of each complete line (FileStreamSourceTask).
//
// A line is a view of the slab. What follows the last line break is held back
// until its end is written. A file that was replaced (another inode under the name) is read to its end before the new one is
// begun; a file that became shorter is read again from its start. Both are logged.
//
// Offsets: partition {"filename":F}, offset {"position":N}, N in bytes. (Apache's task counts characters, and goes
// astray in text that is not ASCII: see docs/differences.md.)
type Source struct {
	ctx       connectors.TaskContext
	path      string // "" = standard input
	topic     string
	maxRows   int
	partition []byte // JSON of the source partition

	file     io.ReadCloser
	inode    os.FileInfo // of the open file
	position int64       // of the first byte that is not part of an emitted line
	buf      []byte      // read buffer: what was read and is not part of an emitted line is buf[lo:hi]
	lo, hi   int
	missing  bool // the file was not there last time: say so once
	idle     time.Duration
	ended    bool // standard input is at its end

	watching bool          // between changes.enter and leave
	armed    bool          // wake will get a token when the file changes
	watch    int32         // of the watch
	wake     chan struct{} // capacity 1
	timer    *time.Timer
}

// Open reads the configuration and finds where to go on. It does not require the file to exist.
func (s *Source) Open(ctx context.Context, c connectors.TaskContext) error {
	s.ctx = c
	s.path, s.topic = c.Config["file"], c.Config["topic"]
	s.maxRows = batch.MaxRows
	if n, err := strconv.Atoi(c.Config["batch.size"]); err == nil && n > 0 {
		s.maxRows = min(n, batch.MaxRows)
	} else {
		s.maxRows = min(defaultBatchSize, batch.MaxRows)
	}
	s.idle = idleMin
	if s.path == "" {
		s.file, s.partition = standardInput(), nil
		return nil
	}
	s.partition = partitionOf(s.path)
	stored, err := c.Offset(ctx, s.partition)
	if err != nil {
		return fmt.Errorf("read the stored offset of %s: %w", s.path, err)
	}
	if stored == nil {
		return nil
	}
	var o struct{ Position *json.Number }
	if err := json.Unmarshal(stored, &o); err != nil || o.Position == nil {
		return fmt.Errorf("the stored offset of %s is %s: it has no position; remove it through DELETE /connectors/%s/offsets", s.path, stored, c.Connector)
	}
	if s.position, err = o.Position.Int64(); err != nil || s.position < 0 {
		return fmt.Errorf("the stored offset of %s is %s: position must be a number of bytes", s.path, stored)
	}
	return nil
}

// partitionOf is the source partition of a file.
func partitionOf(path string) []byte {
	var buf bytes.Buffer
	e := json.NewEncoder(&buf)
	e.SetEscapeHTML(false)
	_ = e.Encode(map[string]string{"filename": path}) // a map of strings cannot fail
	return bytes.TrimSpace(buf.Bytes())
}

// Poll implements connectors.Source.
func (s *Source) Poll(ctx context.Context, b *batch.Batch) error {
	deadline := time.Now().Add(pollWait)
	for {
		if err := s.open(); err != nil {
			return err
		}
		if s.file != nil {
			n, err := s.fill(b)
			if n > 0 || err != nil {
				s.idle = idleMin
				return err
			}
		}
		if !s.pause(ctx, deadline) {
			return nil
		}
	}
}

// pause waits until it may be worth while to look at the file again; false when Poll should return. A file that was
// written a moment ago is looked at after a short time, so that lines which come one by one are read together; then inotify
// watches it and nothing is done until it changes.
func (s *Source) pause(ctx context.Context, deadline time.Time) bool {
	left := time.Until(deadline)
	if left <= 0 || ctx.Err() != nil {
		if s.lo == s.hi && len(s.buf) > smallBytes {
			s.buf = nil
		}
		return false
	}
	if !s.armed && s.idle >= idleWatch && s.arm() {
		return true // what was written before there was a watch is seen by looking once more
	}
	wait := left
	if !s.armed {
		wait = min(s.idle, left)
		s.idle = min(2*s.idle, idleMax)
	}
	if s.timer == nil {
		s.timer, s.wake = time.NewTimer(wait), make(chan struct{}, 1)
	} else {
		s.timer.Reset(wait)
	}
	select {
	case <-ctx.Done():
	case <-s.timer.C:
	case <-s.wake:
		s.armed = false
	}
	return true
}

// arm watches the file under the name; false when the clock must do.
func (s *Source) arm() bool {
	if s.file == nil || s.inode == nil || !s.inode.Mode().IsRegular() {
		return false
	}
	if !s.watching {
		changes.enter()
		s.watching = true
	}
	s.watch, s.armed = changes.arm(s.path, s.wake)
	return s.armed
}

func (s *Source) disarm() {
	if s.armed {
		changes.disarm(s.watch, s.wake)
		s.armed = false
	}
	select {
	case <-s.wake:
	default:
	}
}

// open opens the file at the position, if it is not open and there.
func (s *Source) open() error {
	if s.file != nil || s.path == "" {
		return nil
	}
	f, err := os.Open(s.path)
	if errors.Is(err, fs.ErrNotExist) {
		if !s.missing {
			s.ctx.Log.Warn("the file is not there, waiting for it to be created", "file", s.path)
			s.missing = true
		}
		return nil
	}
	if err != nil {
		return fmt.Errorf("open the file named by 'file': %w; make it readable for the worker's user, then restart the task", err)
	}
	info, err := f.Stat()
	if err == nil && info.IsDir() {
		err = errors.New("it is a directory")
	}
	if err != nil {
		_ = f.Close()
		return fmt.Errorf("open the file named by 'file' (%s): %w", s.path, err)
	}
	if info.Mode().IsRegular() {
		if info.Size() < s.position {
			s.ctx.Log.Warn("the file is shorter than the stored position, reading it from the start", "file", s.path, "position", s.position, "size", info.Size())
			s.position = 0
		}
		if _, err := f.Seek(s.position, io.SeekStart); err != nil {
			_ = f.Close()
			return fmt.Errorf("seek to byte %d of %s: %w", s.position, s.path, err)
		}
	}
	s.missing, s.file, s.inode = false, f, info
	s.lo, s.hi = 0, 0
	s.ctx.Log.Info("reading file", "file", s.path, "position", s.position)
	return nil
}

// fill makes rows of the complete lines that were read, reading on while there are fewer than a batch takes. 0 rows:
// nothing new. The lines of a batch stand together in the read buffer and are copied to the slab at once.
func (s *Source) fill(b *batch.Batch) (int, error) {
	root := b.NewColumn(batch.StringSchema)
	from, look := 0, 0 // after s.lo: the first line that is not complete, and how far it was searched
	over := false
	for {
		if from, look = s.lines(s.buf[s.lo:s.hi], from, look, root); root.N >= s.maxRows || from >= chunkBytes {
			break
		}
		s.room()
		n, err := s.file.Read(s.buf[s.hi:])
		s.hi += n
		if n > 0 {
			continue
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return 0, fmt.Errorf("read %s: %w", s.path, err)
		}
		if root.N == 0 && s.atEnd(int64(s.hi-s.lo-from), err) {
			over = true
			from = lastLine(s.buf[s.lo:s.hi], from, root)
		}
		break
	}
	base := b.Slab.Len()
	b.Slab.Reserve(slabFor(from))
	b.Slab.Append(s.buf[s.lo : s.lo+from])
	for i, w := range root.W {
		root.W[i] = w + uint64(base)<<32
	}
	s.lo += from
	s.position += int64(from)
	s.emit(b, root)
	if over {
		s.reopen()
	}
	return root.N, nil
}

// slabFor is the room for lines of n bytes and what follows them. Batches of a file that is read in one go differ by a
// few lines: rounded up they fit the same memory.
func slabFor(n int) int {
	if n < chunkBytes/2 {
		return n + markBytes
	}
	return (n+markBytes+slabStep-1)/slabStep*slabStep - slabSlack
}

// room makes room in the read buffer: what is consumed is dropped when its end is reached, and the buffer grows when a
// read filled it or a line is longer than it. A thousand idle files hold a thousand small buffers.
func (s *Source) room() {
	switch {
	case s.lo == s.hi:
		full := s.hi == len(s.buf)
		if s.lo, s.hi = 0, 0; len(s.buf) == 0 {
			s.buf = make([]byte, smallBytes)
		} else if full && len(s.buf) < 2*chunkBytes || len(s.buf) > 2*chunkBytes {
			s.buf = make([]byte, 2*chunkBytes)
		}
	case s.hi < len(s.buf):
	case s.lo > 0:
		s.hi = copy(s.buf, s.buf[s.lo:s.hi])
		s.lo = 0
	default:
		s.buf = append(s.buf, make([]byte, len(s.buf))...)
	}
}

// lines makes a row of every complete line in buf[from:], looking for line breaks from index look on. It returns where
// the first incomplete line starts and where to look next. A \r at the very end waits: a \n may follow.
func (s *Source) lines(buf []byte, from, look int, root *batch.Vec) (start, next int) {
	for root.N < s.maxRows && look < len(buf) {
		i := lineBreak(buf[look:])
		if i < 0 {
			return from, len(buf)
		}
		end := look + i
		after := end + 1
		if buf[end] == '\r' {
			if after == len(buf) {
				return from, end
			}
			if buf[after] == '\n' {
				after++
			}
		}
		root.Push(uint64(batch.MakeView(from, end-from)))
		from, look = after, after
	}
	return from, look
}

// lineBreak is the index of the first \n or \r, or -1. Lines are short, \r is rare: one fast search for \n, then one in
// what precedes it.
func lineBreak(p []byte) int {
	n := bytes.IndexByte(p, '\n')
	head := p
	if n >= 0 {
		head = p[:n]
	}
	if r := bytes.IndexByte(head, '\r'); r >= 0 {
		return r
	}
	return n
}

// atEnd decides what the end of the file means: true when the open file is over (replaced, or truncated), so that what
// is held back is its last line and the file under the name is to be read from its start.
func (s *Source) atEnd(held int64, readErr error) bool {
	if s.path == "" {
		over := !s.ended && errors.Is(readErr, io.EOF)
		s.ended = s.ended || over
		return over
	}
	if !s.inode.Mode().IsRegular() {
		return false
	}
	info, err := os.Stat(s.path)
	switch {
	case err != nil: // moved away and not recreated yet: more may be written to the open file
		return false
	case !os.SameFile(info, s.inode):
		s.ctx.Log.Info("the file was replaced, going on with the new one", "file", s.path, "position", s.position)
		return true
	case info.Size() < s.position+held:
		s.ctx.Log.Warn("the file was truncated, reading it from the start", "file", s.path, "position", s.position, "size", info.Size())
		return true
	}
	return false
}

// lastLine makes a row of what was held back from a file that is over.
func lastLine(buf []byte, from int, root *batch.Vec) int {
	if end := len(bytes.TrimSuffix(buf, []byte{'\r'})); from < len(buf) {
		root.Push(uint64(batch.MakeView(from, end-from)))
	}
	return len(buf)
}

// reopen lets the next poll begin the file under the name.
func (s *Source) reopen() {
	if s.path == "" {
		return
	}
	_ = s.file.Close()
	s.disarm()
	s.file, s.position, s.lo, s.hi, s.idle = nil, 0, 0, 0, idleMin
}

// emit completes the batch around its column of lines.
func (s *Source) emit(b *batch.Batch, root *batch.Vec) {
	if root.N == 0 {
		return
	}
	b.N = root.N
	replaceInvalid(b, root)
	b.Value.Set(batch.StringSchema, root)
	b.Key.Set(nil, b.NewNulls(nil, b.N))
	b.Topics.Set(s.topic)
	now := time.Now().UnixMilli()
	for range b.N {
		b.Timestamp = append(b.Timestamp, now)
	}
	if s.partition == nil {
		return // standard input cannot be resumed
	}
	buf := b.Slab.Buf()
	start := len(buf)
	buf = append(buf, `{"position":`...)
	buf = strconv.AppendInt(buf, s.position, 10)
	buf = append(buf, '}')
	b.Slab.SetBuf(buf)
	b.AddMark(b.Slab.Append(s.partition), batch.MakeView(start, len(buf)-start))
}

// replaceInvalid replaces bytes that are not UTF-8 as Java's decoder does. Usually one check of the slab is all.
func replaceInvalid(b *batch.Batch, root *batch.Vec) {
	if utf8.Valid(b.Slab.Buf()) {
		return
	}
	for i, w := range root.W {
		if line := b.Slab.Bytes(batch.View(w)); !utf8.Valid(line) {
			root.W[i] = uint64(b.Slab.Append(text.AppendFromUTF8(nil, line)))
		}
	}
}

// Close closes the file; standard input stays open.
func (s *Source) Close() error {
	if s.watching {
		s.disarm()
		changes.leave()
		s.watching = false
	}
	if s.file == nil || s.path == "" {
		return nil
	}
	err := s.file.Close()
	s.file = nil
	return err
}

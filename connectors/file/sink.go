// SPDX-License-Identifier: Apache-2.0

package file

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"unsafe"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/connectors"
	"github.com/penstock-io/penstock/internal/java/text"
	"github.com/penstock-io/penstock/internal/javastring"
)

// Sink appends a line per record to a file, or to standard output (FileStreamSinkTask): the value as Java's
// String.valueOf prints it. Lines are written once per Put, whole, and synced by Flush before offsets are committed.
type Sink struct {
	out  io.Writer
	file *os.File // nil: standard output
	sync bool     // a regular file: Flush makes it durable
	buf  []byte
	text []byte // of one value
}

// Open opens the file for appending, creating it.
func (s *Sink) Open(_ context.Context, c connectors.TaskContext) error {
	path := c.Config["file"]
	if path == "" {
		s.out = os.Stdout
		return nil
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o644)
	if err != nil {
		// Devices and pipes may be writable only.
		if f, err = os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644); err != nil {
			return &batch.Fault{
				Class: batch.ConnectException, Message: "Couldn't find or create file '" + path + "' for FileStreamSinkTask: " + err.Error() +
					"; make the path given by 'file' writable for the worker's user, then restart the task", Cause: javaCause(path, err),
			}
		}
	}
	s.file, s.out = f, f
	if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
		s.sync = true
		return s.endLastLine(info.Size())
	}
	return nil
}

// javaCause gives the reason why a file cannot be opened the class that java.nio.file has for it.
func javaCause(path string, err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return batch.NewFault("java.nio.file.NoSuchFileException", path)
	case errors.Is(err, fs.ErrPermission):
		return batch.NewFault("java.nio.file.AccessDeniedException", path)
	}
	var reason syscall.Errno
	if errors.As(err, &reason) {
		text := reason.Error()
		return batch.NewFault("java.nio.file.FileSystemException", path+": "+strings.ToUpper(text[:1])+text[1:])
	}
	return err
}

// endLastLine ends a line that a killed worker left unfinished, so that the record, which comes again, has a line of
// its own.
func (s *Sink) endLastLine(size int64) error {
	if size == 0 {
		return nil
	}
	var last [1]byte
	if _, err := s.file.ReadAt(last[:], size-1); err != nil || last[0] == '\n' {
		return nil // not readable: nothing to judge by
	}
	_, err := s.file.WriteString("\n")
	return err
}

// Put writes the live rows of batches.
func (s *Sink) Put(_ context.Context, batches []*batch.Batch) error {
	for _, b := range batches {
		s.buf = s.buf[:0]
		s.appendLines(b)
		if len(s.buf) == 0 {
			continue
		}
		if _, err := s.out.Write(s.buf); err != nil {
			return fmt.Errorf("write to the file: %w", err)
		}
	}
	return nil
}

func (s *Sink) appendLines(b *batch.Batch) {
	p := &b.Value
	if len(p.Variants) == 1 && p.Variants[0].Root.Kind == batch.KindWords && !p.Variants[0].Root.Const {
		if root := p.Variants[0].Root; root.Schema.Type == batch.String {
			s.appendStrings(b, root)
			return
		}
	}
	for row := range b.N {
		if b.IsDead(row) {
			continue
		}
		_, v := b.ValueAt(batch.Value, row)
		s.text = javastring.Append(s.text[:0], v)
		s.buf = append(appendUTF8(s.buf, s.text), '\n')
	}
}

// appendStrings is the usual case: every value a string.
func (s *Sink) appendStrings(b *batch.Batch, root *batch.Vec) {
	for row, w := range root.W {
		switch {
		case b.IsDead(row):
			continue
		case root.IsNull(row):
			s.buf = append(s.buf, "null"...)
		default:
			s.buf = appendUTF8(s.buf, b.Slab.Bytes(batch.View(w)))
		}
		s.buf = append(s.buf, '\n')
	}
}

// appendUTF8 appends p as Java's PrintStream encodes it: half a surrogate pair becomes a question mark.
func appendUTF8(dst, p []byte) []byte {
	return text.AppendUTF8(dst, unsafe.String(unsafe.SliceData(p), len(p)))
}

// Flush makes what was written durable.
func (s *Sink) Flush(context.Context) error {
	if !s.sync {
		return nil
	}
	if err := s.file.Sync(); err != nil {
		return fmt.Errorf("sync the file: %w", err)
	}
	return nil
}

// Close closes the file; standard output stays open.
func (s *Sink) Close() error {
	if s.file == nil {
		return nil
	}
	return s.file.Close()
}

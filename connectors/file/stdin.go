// SPDX-License-Identifier: Apache-2.0

package file

import (
	"io"
	"os"
	"sync"
)

// stdin reads standard input without blocking its reader. A read of standard input cannot be interrupted, so one
// goroutine of the process does it; it is the only one that outlives the task.
type stdin struct {
	chunks chan []byte
	rest   []byte
}

var startStdin = sync.OnceValue(func() chan []byte {
	chunks := make(chan []byte)
	go func() {
		defer close(chunks)
		for {
			chunk := make([]byte, 64<<10)
			n, err := os.Stdin.Read(chunk)
			if n > 0 {
				chunks <- chunk[:n]
			}
			if err != nil {
				return
			}
		}
	}()
	return chunks
})

func standardInput() io.ReadCloser { return &stdin{chunks: startStdin()} }

// Read returns what is there now: 0 and no error when there is nothing yet, io.EOF at the end.
func (s *stdin) Read(p []byte) (int, error) {
	if len(s.rest) == 0 {
		select {
		case chunk, ok := <-s.chunks:
			if !ok {
				return 0, io.EOF
			}
			s.rest = chunk
		default:
			return 0, nil
		}
	}
	n := copy(p, s.rest)
	s.rest = s.rest[n:]
	return n, nil
}

// Close leaves standard input open.
func (s *stdin) Close() error { return nil }

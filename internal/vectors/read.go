// SPDX-License-Identifier: Apache-2.0

package vectors

import (
	"bufio"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"strings"
)

// maxLineBytes bounds one case.
const maxLineBytes = 64 << 20

// Lines calls each for every line of a file, gunzipping it when its name ends in .gz. The slice is reused.
func Lines(path string, each func(line []byte) error) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	var r io.Reader = f
	if strings.HasSuffix(path, ".gz") {
		z, err := gzip.NewReader(f)
		if err != nil {
			return fmt.Errorf("read %s: %w", path, err)
		}
		defer z.Close()
		r = z
	}
	s := bufio.NewScanner(r)
	s.Buffer(make([]byte, 0, 1<<20), maxLineBytes)
	for s.Scan() {
		if len(s.Bytes()) == 0 {
			continue
		}
		if err := each(s.Bytes()); err != nil {
			return err
		}
	}
	return s.Err()
}

// SPDX-License-Identifier: Apache-2.0

package batch

// Header is one header of one row. A fetched header holds Raw until a header converter decoded it.
type Header struct {
	Key     string
	Schema  *Schema // nil: no schema
	Value   any     // meaningful when Decoded, unless Column is set: read it through Batch.HeaderValue
	Column  *Vec    // nil, or the column whose row Pos is the value: so that a value that was moved here costs no box
	Pos     int32
	Raw     View // fetched or encoded bytes in the slab; NullView: null
	Decoded bool
}

// HeaderValue is the value of a decoded header.
func (b *Batch) HeaderValue(h *Header) any {
	if h.Column != nil {
		return b.Read(h.Column, int(h.Pos))
	}
	return h.Value
}

// Headers holds the headers of the rows. Most streams have none, and then Rows is nil and costs nothing.
type Headers struct {
	Rows    [][]Header // per row; nil: no row has any
	Decoded bool       // every header of every live row has Schema and Value
}

// Any reports whether some row may have headers.
func (h *Headers) Any() bool { return h.Rows != nil }

// Of is the headers of a row: borrowed, nil when there are none.
func (h *Headers) Of(row int) []Header {
	if h.Rows == nil || row >= len(h.Rows) {
		return nil
	}
	return h.Rows[row]
}

// Set replaces the headers of a row in a batch of n rows.
func (h *Headers) Set(row, n int, hs []Header) {
	if h.Rows == nil {
		if len(hs) == 0 {
			return
		}
		h.Rows = make([][]Header, n)
	}
	for len(h.Rows) < n {
		h.Rows = append(h.Rows, nil)
	}
	h.Rows[row] = hs
}

// Add appends a header to a row in a batch of n rows.
func (h *Headers) Add(row, n int, hd Header) { h.Set(row, n, append(h.Of(row), hd)) }

func (h *Headers) reset() { h.Rows, h.Decoded = nil, false }

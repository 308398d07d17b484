// SPDX-License-Identifier: Apache-2.0

package batch

import "slices"

// TopicCol is the topic of each row: one for all, until a router gives rows their own.
type TopicCol struct {
	Names []string // dictionary
	IDs   []uint16 // per row; nil: all rows have Names[0]

	spare []uint16 // memory kept for IDs while it is nil
}

// Set gives all rows one topic.
func (t *TopicCol) Set(name string) {
	t.Names = append(t.Names[:0], name)
	t.dropIDs()
}

// At is the topic of a row; "" when none was set.
func (t *TopicCol) At(row int) string {
	if t.IDs != nil {
		return t.Names[t.IDs[row]]
	}
	if len(t.Names) == 0 {
		return ""
	}
	return t.Names[0]
}

// Const is the topic of all rows, if they share one.
func (t *TopicCol) Const() (string, bool) {
	return t.At(0), t.IDs == nil
}

// Put gives one of n rows a topic.
func (t *TopicCol) Put(row, n int, name string) {
	if t.At0(row) == name && len(t.Names) > 0 {
		return
	}
	if t.IDs == nil {
		if len(t.Names) == 0 {
			t.Names = append(t.Names, "")
		}
		t.IDs = slices.Grow(t.spare[:0], n)[:n]
		clear(t.IDs)
	}
	for i, have := range t.Names {
		if have == name {
			t.IDs[row] = uint16(i)
			return
		}
	}
	t.Names = append(t.Names, name)
	t.IDs[row] = uint16(len(t.Names) - 1)
}

// At0 is At, for callers that have not set a topic yet.
func (t *TopicCol) At0(row int) string {
	if t.IDs != nil && row >= len(t.IDs) {
		return ""
	}
	return t.At(row)
}

func (t *TopicCol) reset() {
	clear(t.Names)
	t.Names = t.Names[:0]
	t.dropIDs()
}

func (t *TopicCol) dropIDs() {
	if t.IDs != nil {
		t.spare = t.IDs[:0]
	}
	t.IDs = nil
}

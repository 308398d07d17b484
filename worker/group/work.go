// SPDX-License-Identifier: Apache-2.0

package group

import (
	"cmp"
	"slices"
	"strconv"
)

// TaskID names a task of a connector (ConnectorTaskId).
type TaskID struct {
	Connector string
	Task      int32
}

// String is Java's form: connector-task.
func (t TaskID) String() string { return t.Connector + "-" + strconv.FormatInt(int64(t.Task), 10) }

// compareTasks orders tasks as ConnectorTaskId.compareTo: by connector in the order of UTF-16 units, then by number.
func compareTasks(a, b TaskID) int {
	if c := compareJava(a.Connector, b.Connector); c != 0 {
		return c
	}
	return cmp.Compare(a.Task, b.Task)
}

// compareJava is String.compareTo: by UTF-16 units, in which the characters outside the basic plane come before the last
// of those inside it.
func compareJava(a, b string) int {
	ra, rb := []rune(a), []rune(b)
	for i := range min(len(ra), len(rb)) {
		if ra[i] != rb[i] {
			return cmp.Compare(utf16Rank(ra[i]), utf16Rank(rb[i]))
		}
	}
	return cmp.Compare(len(ra), len(rb))
}

// utf16Rank moves U+E000..U+FFFF behind everything that takes a surrogate pair.
func utf16Rank(r rune) rune {
	switch {
	case r >= 0x10000:
		return r - 0x10000 + 0xD800
	case r >= 0xE000:
		return r + 0x200000
	}
	return r
}

// Work is a set of connectors and tasks, in order of insertion (ConnectorsAndTasks). A connector stands for the one
// Connector instance.
type Work struct {
	Connectors []string
	Tasks      []TaskID
}

// Empty says that there is nothing in it.
func (w Work) Empty() bool { return len(w.Connectors) == 0 && len(w.Tasks) == 0 }

// Len is the number of connectors and tasks.
func (w Work) Len() int { return len(w.Connectors) + len(w.Tasks) }

// Clone copies the set.
func (w Work) Clone() Work {
	return Work{Connectors: slices.Clone(w.Connectors), Tasks: slices.Clone(w.Tasks)}
}

// HasConnector and HasTask test for membership.
func (w Work) HasConnector(name string) bool { return slices.Contains(w.Connectors, name) }

// HasTask tells whether a task is in the set.
func (w Work) HasTask(id TaskID) bool { return slices.Contains(w.Tasks, id) }

// Plus returns w and what of more is not in it yet, in order.
func (w Work) Plus(more ...Work) Work {
	s := newSet(w)
	for _, m := range more {
		s.add(m)
	}
	return s.work()
}

// Minus returns w without less, in order.
func (w Work) Minus(less ...Work) Work {
	drop := newSet(less...)
	out := Work{}
	for _, c := range w.Connectors {
		if !drop.connectors[c] {
			out.Connectors = append(out.Connectors, c)
		}
	}
	for _, t := range w.Tasks {
		if !drop.tasks[t] {
			out.Tasks = append(out.Tasks, t)
		}
	}
	return out
}

// And returns what of w is also in other, in w's order.
func (w Work) And(other Work) Work {
	keep := newSet(other)
	out := Work{}
	for _, c := range w.Connectors {
		if keep.connectors[c] {
			out.Connectors = append(out.Connectors, c)
		}
	}
	for _, t := range w.Tasks {
		if keep.tasks[t] {
			out.Tasks = append(out.Tasks, t)
		}
	}
	return out
}

// Sorted returns the set in Java's order of names.
func (w Work) Sorted() Work {
	out := w.Clone()
	slices.SortFunc(out.Connectors, compareJava)
	slices.SortFunc(out.Tasks, compareTasks)
	return out
}

// set is a Work with membership in constant time.
type set struct {
	connectors map[string]bool
	tasks      map[TaskID]bool
	order      Work
}

func newSet(from ...Work) *set {
	n, m := 0, 0
	for _, w := range from {
		n, m = n+len(w.Connectors), m+len(w.Tasks)
	}
	s := &set{connectors: make(map[string]bool, n), tasks: make(map[TaskID]bool, m)}
	for _, w := range from {
		s.add(w)
	}
	return s
}

func (s *set) add(w Work) {
	for _, c := range w.Connectors {
		if !s.connectors[c] {
			s.connectors[c] = true
			s.order.Connectors = append(s.order.Connectors, c)
		}
	}
	for _, t := range w.Tasks {
		if !s.tasks[t] {
			s.tasks[t] = true
			s.order.Tasks = append(s.order.Tasks, t)
		}
	}
}

// work is the set in order of insertion.
func (s *set) work() Work { return s.order }

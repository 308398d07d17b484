// SPDX-License-Identifier: Apache-2.0

package group

import (
	"fmt"
	"testing"
)

func TestReadWork(t *testing.T) {
	f := func(protocol string, p Protocol, had *Assignment, given Assignment, want string) {
		t.Helper()
		metadata := AppendMetadata(nil, p, &State{URL: "http://w/", ConfigOffset: 3, Assignment: had})
		s, w := readWork(protocol, metadata, AppendAssignment(nil, p, &given))
		if s == nil || s.ConfigOffset != 3 || fmt.Sprint(w.Sorted()) != want {
			t.Errorf("%s: got %v %v, want %s", protocol, s, w.Sorted(), want)
		}
	}
	had := &Assignment{Assigned: work("a", 0, 1)}
	// The eager protocol hands out everything, the others what is new.
	f("default", Eager, nil, Assignment{Assigned: work("b", 0)}, "{[b] [b-0]}")
	f("sessioned", Sessioned, nil, Assignment{Assigned: work("b", 0)}, "{[b] [b-0]}")
	f("sessioned", Sessioned, had, Assignment{Assigned: work("b", 0)}, "{[a b] [a-0 a-1 b-0]}")
	f("compatible", Compatible, had, Assignment{Revoked: Work{Tasks: []TaskID{{"a", 1}}}}, "{[a] [a-0]}")
	// A round in which the leader could not decide changes nothing.
	f("sessioned", Sessioned, had, Assignment{Error: ConfigMismatch}, "{[a] [a-0 a-1]}")
	// Bytes that nobody understands are no work, and no metadata.
	if s, w := readWork("sessioned", []byte{1}, []byte{0, 2, 0}); s != nil || !w.Empty() {
		t.Error(s, w)
	}
	if s, w := readWork("sessioned", nil, nil); s != nil || !w.Empty() {
		t.Error(s, w)
	}
}

func TestPreview(t *testing.T) {
	all := work("a", 0, 1, 2).Plus(work("b", 0, 1, 2))
	f := func(want string, members ...Running) {
		t.Helper()
		if got := fmt.Sprint(Preview(all, members, "new").Sorted()); got != want {
			t.Errorf("%v: got %s, want %s", members, got, want)
		}
	}
	// The first worker gets everything, a second one half, a third one less.
	f("{[a b] [a-0 a-1 a-2 b-0 b-1 b-2]}")
	f("{[a] [a-0 a-1 a-2]}", Running{"w1", all})
	f("{[] [a-0 b-0]}", Running{"w1", work("a", 0, 1, 2)}, Running{"w2", work("b", 0, 1, 2)})
}

func TestRights(t *testing.T) {
	if r := rightsOf(unasked); r.Known || !r.May(Write) {
		t.Error(r)
	}
	if r := rightsOf(1<<Read | 1<<Describe); !r.Known || !r.May(Read) || r.May(Write) {
		t.Error(r)
	}
	if (Rights{Known: true}).May(Read) {
		t.Error("nothing is allowed")
	}
}

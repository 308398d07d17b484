// SPDX-License-Identifier: Apache-2.0

package group

import (
	"bytes"
	"encoding/hex"
	"reflect"
	"strings"
	"testing"
)

// The bytes are those of the classes of Kafka.
const (
	urlHex   = "000f687474703a2f2f77313a383038332f"
	offHex   = "0000000000000007"
	bodyHex  = "0000 0001 4c 0001 75 0000000000000007 00000002 0001 63 00000002 ffffffff 00000000 0001 64 00000001 00000001 "
	revHex   = "00000001 0001 78 00000002 ffffffff 00000003 000493e0"
	emptyHex = "0002 0000 0001 4c 0001 75 0000000000000007 00000000 00000000 00000000"
)

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func golden() *Assignment {
	return &Assignment{
		Version: 2, Leader: "L", LeaderURL: "u", ConfigOffset: 7, Delay: 300000,
		Assigned: Work{Connectors: []string{"c"}, Tasks: []TaskID{{"c", 0}, {"d", 1}}},
		Revoked:  Work{Connectors: []string{"x"}, Tasks: []TaskID{{"x", 3}}},
	}
}

func TestProtocolBytes(t *testing.T) {
	f := func(what string, got []byte, want string) {
		t.Helper()
		if w := unhex(t, want); !bytes.Equal(got, w) {
			t.Errorf("%s\n got %x\nwant %x", what, got, w)
		}
	}
	idle := &State{URL: "http://w1:8083/", ConfigOffset: 7}
	busy := &State{URL: "http://w1:8083/", ConfigOffset: 7, Assignment: golden()}
	f("v0", AppendMetadata(nil, Eager, busy), "0000"+urlHex+offHex)
	f("v1 idle", AppendMetadata(nil, Compatible, idle), "0001"+urlHex+offHex+"ffffffff")
	f("v2 idle", AppendMetadata(nil, Sessioned, idle), "0002"+urlHex+offHex+"ffffffff")
	f("v2", AppendMetadata(nil, Sessioned, busy), "0002"+urlHex+offHex+"00000047 0002"+bodyHex+revHex)
	f("v1", AppendMetadata(nil, Compatible, busy), "0001"+urlHex+offHex+"00000047 0001"+bodyHex+revHex)
	f("A v2", AppendAssignment(nil, Sessioned, golden()), "0002"+bodyHex+revHex)
	f("A v1", AppendAssignment(nil, Compatible, golden()), "0001"+bodyHex+revHex)
	f("A v0", AppendAssignment(nil, Eager, golden()), "0000"+bodyHex)
	f("empty", AppendAssignment(nil, Sessioned, &Assignment{Leader: "L", LeaderURL: "u", ConfigOffset: 7}), emptyHex)
}

func TestProtocolRead(t *testing.T) {
	a, err := ParseAssignment(AppendAssignment(nil, Sessioned, golden()))
	if err != nil || !reflect.DeepEqual(a, golden()) {
		t.Errorf("got %+v, %v", a, err)
	}
	s, err := ParseMetadata(AppendMetadata(nil, Sessioned, &State{URL: "u", ConfigOffset: -1, Assignment: golden()}))
	if err != nil || s.URL != "u" || s.ConfigOffset != -1 || !reflect.DeepEqual(s.Assignment, golden()) {
		t.Errorf("got %+v, %v", s, err)
	}
	// An allocation in the older form, fields missing at the end, and bytes behind it.
	old, err := ParseAssignment(append(AppendAssignment(nil, Eager, golden()), 1, 2, 3))
	if err != nil || old.Delay != 0 || !old.Revoked.Empty() || len(old.Assigned.Tasks) != 2 {
		t.Errorf("got %+v, %v", old, err)
	}
	for n := range 17 {
		if _, err := ParseAssignment(AppendAssignment(nil, Sessioned, golden())[:n+1]); err == nil {
			t.Errorf("%d bytes: no error", n+1)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(AppendMetadata(nil, Sessioned, &State{URL: "u", Assignment: golden()}))
	f.Add(AppendAssignment(nil, Sessioned, golden()))
	f.Fuzz(func(t *testing.T, p []byte) {
		if s, err := ParseMetadata(p); err == nil {
			if _, err := ParseMetadata(AppendMetadata(nil, Sessioned, s)); err != nil {
				t.Fatal(err)
			}
		}
		if a, err := ParseAssignment(p); err == nil && a != nil {
			again, err := ParseAssignment(AppendAssignment(nil, Sessioned, a))
			if err != nil || again.Leader != a.Leader {
				t.Fatal(again, err)
			}
		}
	})
}

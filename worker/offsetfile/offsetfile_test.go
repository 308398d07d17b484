// SPDX-License-Identifier: Apache-2.0

package offsetfile

import (
	"bytes"
	"encoding/hex"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"
)

const oneEntry = "aced00057372 0011 6a6176612e7574696c2e486173684d6170 0507dac1c31660d1 03 0002 46 000a 6c6f6164466163746f72" +
	"49 0009 7468726573686f6c64 78 70 3f400000 0000000c 77 08 00000010 00000001" +
	"75 72 0002 5b42 acf317f8060854e0 02 0000 78 70 00000001 4b 75 71 007e0002 00000001 56 78"

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestGolden(t *testing.T) {
	want := unhex(t, oneEntry)
	if got := Append(nil, []Entry{{[]byte("K"), []byte("V")}}); !bytes.Equal(got, want) {
		t.Errorf("got  %x\nwant %x", got, want)
	}
	empty := append(bytes.Clone(want[:bytes.Index(want, []byte{0x3f, 0x40})]), unhex(t, "3f400000 00000000 77 08 00000010 00000000 78")...)
	if got := Append(nil, nil); !bytes.Equal(got, empty) {
		t.Errorf("empty map: got  %x\nwant %x", got, empty)
	}
}

// TestJVMFile reads what the JVM wrote, and writes it again: the bytes must come out the same.
func TestJVMFile(t *testing.T) {
	names, _ := filepath.Glob("testdata/*.bin")
	if len(names) == 0 {
		t.Fatal("no files")
	}
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		entries, err := Read(bytes.NewReader(data))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if strings.Contains(name, "shared") { // one array twice: we write it twice
			if len(entries) != 2 || !bytes.Equal(entries[0].Value, entries[1].Value) {
				t.Errorf("%s: %q", name, entries)
			}
			continue
		}
		if n, _ := strconv.Atoi(strings.Trim(filepath.Base(name), "jvm.bin-")); len(entries) != n {
			t.Errorf("%s: %d entries", name, len(entries))
		}
		if got := Append(nil, entries); !bytes.Equal(got, data) {
			t.Errorf("%s: written again it differs", name)
		}
	}
}

func TestReadDamaged(t *testing.T) {
	whole := unhex(t, oneEntry)
	for n := range whole {
		if e, err := Read(bytes.NewReader(whole[:n])); err != nil || e != nil {
			t.Errorf("cut to %d: %v, %v", n, e, err)
		}
	}
	f := func(old, new, want string) {
		t.Helper()
		_, err := Read(bytes.NewReader(bytes.Replace(whole, []byte(old), []byte(new), 1)))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	f("\xac\xed", "xx", "Java object stream")
	f("java.util.HashMap", "java.util.TreeMap", "expected HashMap")
	f("\x00\x00\x00\x01K", "\xff\xff\xff\xffK", "array of length -1")
	f("uq\x00\x7e\x00\x02\x00\x00\x00\x01V", "q\x00\x7e\x00\x07", "no byte array")
	f("\x00\x00\x00\x10\x00\x00\x00\x01", "\x00\x00\x00\x10\x80\x00\x00\x01", "mappings count")
}

func TestStore(t *testing.T) {
	path := filepath.Join(t.TempDir(), "offsets")
	s, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	set := func(connector, partition, offset string) {
		t.Helper()
		var o []byte
		if offset != "" {
			o = []byte(offset)
		}
		if err := s.Set(connector, []byte(partition), o); err != nil {
			t.Fatal(err)
		}
	}
	get := func(connector, partition, want string) {
		t.Helper()
		if got, err := s.Get(connector, []byte(partition)); err != nil || string(got) != want {
			t.Errorf("%s %s: %s, %v, want %s", connector, partition, got, err, want)
		}
	}
	set("c", `{"topic":"t","partition":0}`, `{"offset":1}`)
	set("c", `{"partition":1,"topic":"t"}`, `{"offset":2}`)
	set("c\"é", `null`, `{"x":1.0E10}`)
	set("gone", `{"a":1}`, `{}`)
	set("gone", `{"a": 1}`, "")
	if err := s.Flush(); err != nil {
		t.Fatal(err)
	}
	if s, err = Open(path); err != nil {
		t.Fatal(err)
	}
	get("c", `{"partition": 0, "topic": "\u0074"}`, `{"offset":1}`)
	get("c", `{"topic":"t","partition":1}`, `{"offset":2}`)
	get("c", `{"topic":"t","partition":1.0}`, "")
	get("c\"é", `null`, `{"x":1.0E10}`)
	get("gone", `{"a":1}`, "")
	// The bytes of a known key stay.
	set("c", `{"partition":0,"topic":"t"}`, `{"offset":3}`)
	want := []Offset{{[]byte(`{"topic":"t","partition":0}`), []byte(`{"offset":3}`)}, {[]byte(`{"partition":1,"topic":"t"}`), []byte(`{"offset":2}`)}}
	if got := s.List("c"); !reflect.DeepEqual(got, want) {
		t.Errorf("%q", got)
	}
	if _, err := s.Get("c", []byte(`{`)); err == nil {
		t.Error("bad partition was accepted")
	}
	left, _ := filepath.Glob(filepath.Join(filepath.Dir(path), ".*"))
	if len(left) > 0 {
		t.Errorf("temporary files left: %v", left)
	}
}

func TestStoreKeepsForeignKeysAndMode(t *testing.T) {
	path := filepath.Join(t.TempDir(), "offsets")
	data := Append(nil, []Entry{{[]byte("?"), nil}, {nil, []byte("x")}, {[]byte(`["c",{"a":1}]`), []byte("{}")}, {[]byte(`["c",{"a": 1}]`), []byte(`{"n":2}`)}})
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Set("d", []byte("{}"), []byte("{}")); err != nil {
		t.Fatal(err)
	}
	if err := s.Flush(); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(path)
	want := Append(nil, []Entry{{[]byte("?"), nil}, {nil, []byte("x")}, {[]byte(`["c",{"a": 1}]`), []byte(`{"n":2}`)}, {[]byte(`["d",{}]`), []byte("{}")}})
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("%q, %v", got, err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}

func FuzzRead(f *testing.F) {
	b, err := hex.DecodeString(strings.ReplaceAll(oneEntry, " ", ""))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add(Append(nil, []Entry{{nil, nil}, {[]byte{}, nil}}))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		entries, err := Read(bytes.NewReader(data))
		if err != nil {
			return
		}
		back, err := Read(bytes.NewReader(Append(nil, entries)))
		if err != nil || !reflect.DeepEqual(back, entries) {
			t.Errorf("%q reads back as %q, %v", entries, back, err)
		}
	})
}

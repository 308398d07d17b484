// SPDX-License-Identifier: Apache-2.0

package file

import (
	"os"
	"runtime"
	"testing"

	"go.uber.org/goleak"
)

// TestIdleSourceIsWokenByTheKernel reads what was added, replaced and cut off after the source had gone to sleep.
func TestIdleSourceIsWokenByTheKernel(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("there is no inotify")
	}
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	r := newReader(t, "one\n")
	r.open()
	r.want("one")
	asleep := func() {
		t.Helper()
		if !r.src.armed {
			t.Fatal("the source that has read everything is not watching its file")
		}
		if len(r.src.buf) > smallBytes {
			t.Errorf("an idle source holds %d bytes", len(r.src.buf))
		}
	}
	asleep()
	r.add("two\nthr")
	r.want("two")
	asleep()
	r.add("ee\n")
	r.want("three")
	asleep()
	// another file under the name: the event comes from the old one, whose last name is gone
	next := r.path + ".next"
	if err := os.WriteFile(next, []byte("four\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(next, r.path); err != nil {
		t.Fatal(err)
	}
	r.want("four")
	asleep()
	r.write("5\n")
	r.want("5")
	if err := r.src.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestTwoSourcesOfOneFile share a watch descriptor and are both woken.
func TestTwoSourcesOfOneFile(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("there is no inotify")
	}
	var w watcher
	w.enter()
	defer w.leave()
	path := newReader(t, "").path
	a, b, gone := make(chan struct{}, 1), make(chan struct{}, 1), make(chan struct{}, 1)
	for _, wake := range []chan struct{}{a, b, gone} {
		id, ok := w.arm(path, wake)
		if !ok {
			t.Fatal("not armed")
		}
		if wake == gone {
			w.disarm(id, wake)
		}
	}
	if err := os.WriteFile(path, []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	<-a
	<-b
	if len(gone) > 0 {
		t.Error("woken after disarm")
	}
	if _, ok := w.arm(path+".missing", a); ok {
		t.Error("armed for a file that is not there")
	}
}

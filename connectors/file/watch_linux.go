// SPDX-License-Identifier: Apache-2.0

package file

import (
	"encoding/binary"
	"os"
	"slices"
	"sync"
	"syscall"
	"unsafe"
)

// changeMask is what wakes a source: data, a new length, and the ways a name gets another file. Once per watch: a file
// that is written all the time costs no event per write.
const changeMask = syscall.IN_MODIFY | syscall.IN_ATTRIB | syscall.IN_MOVE_SELF | syscall.IN_DELETE_SELF | syscall.IN_ONESHOT

// changes is the one inotify instance of the process, while some source waits for a file.
var changes watcher

// watcher wakes sources when their file changes. The zero value is ready.
type watcher struct {
	mu    sync.Mutex
	users int
	file  *os.File // of inotify; nil: none
	fd    int
	waits map[int32][]chan<- struct{} // by watch descriptor
	ended chan struct{}
}

// enter must come before arm, leave after the last one: the goroutine that reads events lives in between.
func (w *watcher) enter() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.users++; w.users > 1 {
		return
	}
	fd, err := syscall.InotifyInit1(syscall.IN_CLOEXEC | syscall.IN_NONBLOCK)
	if err != nil { // out of instances: sources look at the clock instead
		return
	}
	w.fd, w.file = fd, os.NewFile(uintptr(fd), "inotify")
	w.waits, w.ended = map[int32][]chan<- struct{}{}, make(chan struct{})
	go w.read(w.file, w.ended)
}

// leave undoes enter; with the last user the goroutine ends.
func (w *watcher) leave() {
	w.mu.Lock()
	w.users--
	file, ended := w.file, w.ended
	if w.users > 0 || file == nil {
		w.mu.Unlock()
		return
	}
	w.file, w.waits = nil, nil
	w.mu.Unlock()
	_ = file.Close()
	<-ended
}

// arm asks for one token in wake when the file under path changes. It is false when that cannot be had: no such file, no
// inotify, or too many watches.
func (w *watcher) arm(path string, wake chan<- struct{}) (id int32, ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.file == nil {
		return 0, false
	}
	wd, err := syscall.InotifyAddWatch(w.fd, path, changeMask)
	if err != nil {
		return 0, false
	}
	id = int32(wd)
	w.waits[id] = append(w.waits[id], wake) // two sources of one file share the descriptor
	return id, true
}

// disarm takes an arm back.
func (w *watcher) disarm(id int32, wake chan<- struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	at := slices.Index(w.waits[id], wake)
	if at < 0 {
		return // it has fired
	}
	if w.waits[id] = slices.Delete(w.waits[id], at, at+1); len(w.waits[id]) == 0 {
		delete(w.waits, id)
		_, _ = syscall.InotifyRmWatch(w.fd, uint32(id)) // gone with its file: fine
	}
}

// read hands events out until the instance is closed.
func (w *watcher) read(file *os.File, ended chan<- struct{}) {
	defer close(ended)
	const head = int(unsafe.Sizeof(syscall.InotifyEvent{})) // the name that follows it is empty for files
	buf := make([]byte, 64*head)
	for {
		n, err := file.Read(buf)
		if err != nil {
			return
		}
		w.mu.Lock()
		for p := buf[:n]; len(p) >= head; {
			id := int32(binary.NativeEndian.Uint32(p))
			name := int(binary.NativeEndian.Uint32(p[12:]))
			for _, wake := range w.waits[id] {
				select {
				case wake <- struct{}{}:
				default:
				}
			}
			delete(w.waits, id)
			p = p[min(head+name, len(p)):]
		}
		w.mu.Unlock()
	}
}

// SPDX-License-Identifier: Apache-2.0

package worker

import (
	"sync"

	"github.com/penstock-io/penstock/worker/store"
)

// news collects what the reader of the config topic saw, until the herder's loop has time for it. Notes about one
// connector merge.
type news struct {
	mu      sync.Mutex
	wake    chan struct{}
	closed  bool
	pending digest
}

// digest is a set of changes.
type digest struct {
	rebalance  string // why the group should assign anew; "" = it need not
	connectors map[string]bool
	targets    map[string]bool
	tasks      map[string]bool
	restarts   map[string]store.Restart
	loggers    []logChange
}

type logChange struct{ name, level string }

func (n *news) init() {
	n.wake = make(chan struct{}, 1)
	n.clear()
}

// clear is called with mu held or before anybody else can.
func (n *news) clear() {
	n.pending = digest{
		connectors: map[string]bool{}, targets: map[string]bool{}, tasks: map[string]bool{}, restarts: map[string]store.Restart{},
	}
}

func (n *news) note(write func(d *digest)) {
	n.mu.Lock()
	write(&n.pending)
	n.mu.Unlock()
	n.poke()
}

func (n *news) poke() {
	select {
	case n.wake <- struct{}{}:
	default:
	}
}

func (n *news) close() {
	n.mu.Lock()
	n.closed = true
	n.mu.Unlock()
	n.poke()
}

// wait returns what has gathered, once there is something; false when it is over.
func (n *news) wait() (digest, bool) {
	<-n.wake
	n.mu.Lock()
	defer n.mu.Unlock()
	d := n.pending
	n.clear()
	return d, !n.closed
}

// events are the calls of the config topic's reader.
func (n *news) events() store.ConfigEvents {
	return store.ConfigEvents{
		Connector: func(name string) {
			n.note(func(d *digest) { d.connectors[name] = true })
		},
		Removed: func(name string) {
			n.note(func(d *digest) { d.rebalance = "connector " + name + " was removed" })
		},
		Target: func(name string) { n.note(func(d *digest) { d.targets[name] = true }) },
		Tasks: func(name string) {
			n.note(func(d *digest) {
				d.tasks[name] = true
				d.rebalance = "the tasks of connector " + name + " changed"
			})
		},
		Restart: func(r store.Restart) {
			n.note(func(d *digest) {
				// Of two requests the one with the larger impact is carried out.
				if old, ok := d.restarts[r.Connector]; !ok || impact(r) >= impact(old) {
					d.restarts[r.Connector] = r
				}
			})
		},
		Logger: func(name, level string) {
			n.note(func(d *digest) { d.loggers = append(d.loggers, logChange{name, level}) })
		},
	}
}

// impact orders restart requests: with tasks before without, all before only the failed ones (RestartRequest.impactRank).
func impact(r store.Restart) int {
	n := 0
	if r.IncludeTasks {
		n += 2
	}
	if !r.OnlyFailed {
		n++
	}
	return n
}

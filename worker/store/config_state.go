// SPDX-License-Identifier: Apache-2.0

package store

import (
	"maps"
	"slices"

	"github.com/penstock-io/penstock/config"
)

// Target is the state in which people want a connector (TargetState).
type Target string

// The target states.
const (
	Started Target = "STARTED"
	Paused  Target = "PAUSED"
	Stopped Target = "STOPPED"
)

// SessionKey signs requests between workers (KIP-507).
type SessionKey struct {
	Key       []byte
	Algorithm string
	Created   int64 // milliseconds since the epoch
}

// Restart is a request to restart a connector and its tasks (KIP-745).
type Restart struct {
	Connector                string
	IncludeTasks, OnlyFailed bool
}

// Connector is what the config topic says of one connector. It is immutable.
type Connector struct {
	Config config.Props // nil: only remnants are there
	Target Target       // "" when there is no record
	Tasks  []config.Props
	// TaskCount is that of the last commit, complete or not; -1 before the first.
	TaskCount int
	// Generation counts task sets; -1 before the first.
	Generation int
	// Applied is the configuration at the time of the last complete commit; nil when unknown.
	Applied config.Props
	// Inconsistent says that the last commit lacked tasks; Tasks is empty then.
	Inconsistent bool
	// FencedTasks is the task count of the last round of zombie fencing; -1 for none. PendingFencing says that tasks were
	// configured since (KIP-618).
	FencedTasks    int
	PendingFencing bool
}

// Configs is a snapshot of the config topic (ClusterConfigState). It is immutable.
type Configs struct {
	// Offset is the offset after the last record read; -1 for none.
	Offset     int64
	Session    *SessionKey
	connectors map[string]*Connector
}

// Names lists the connectors, sorted.
func (c *Configs) Names() []string {
	var out []string
	for name, one := range c.connectors {
		if one.Config != nil {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

// Connector is a connector by name; nil when it is not configured.
func (c *Configs) Connector(name string) *Connector {
	if one := c.connectors[name]; one != nil && one.Config != nil {
		return one
	}
	return nil
}

// Target is the target state of a connector; STARTED when nothing else was said.
func (c *Configs) Target(name string) Target {
	if one := c.connectors[name]; one != nil && one.Target != "" {
		return one.Target
	}
	return Started
}

// remnants is a connector whether configured or not; never nil.
func (c *Configs) remnants(name string) *Connector {
	if one := c.connectors[name]; one != nil {
		return one
	}
	return &Connector{TaskCount: -1, Generation: -1, FencedTasks: -1}
}

// ConfigEvents is told of what changed, in the order of the records. It is only called for records read after the
// startup (ConfigBackingStore.UpdateListener). All may be nil.
type ConfigEvents struct {
	Connector func(name string)    // configured anew
	Removed   func(name string)    //
	Target    func(name string)    // target state changed, of a connector that is known
	Tasks     func(name string)    // a task set was committed
	Session   func(key SessionKey) //
	Restart   func(r Restart)
	Logger    func(name, level string)
}

// configLog applies the records of the config topic. It belongs to the goroutine that reads.
type configLog struct {
	now      *Configs
	deferred map[string]map[int]config.Props // task configurations that no commit has applied yet
	events   ConfigEvents
	live     bool // records are news, not history
	warn     func(text string, key string)
}

func newConfigLog(events ConfigEvents, warn func(text, key string)) *configLog {
	return &configLog{
		now:      &Configs{Offset: -1, connectors: map[string]*Connector{}},
		deferred: map[string]map[int]config.Props{}, events: events, warn: warn,
	}
}

// change replaces one connector in a new snapshot.
func (l *configLog) change(name string, edit func(c *Connector)) {
	next := *l.now
	next.connectors = maps.Clone(l.now.connectors)
	one := *l.now.remnants(name)
	edit(&one)
	next.connectors[name] = &one
	l.now = &next
}

// apply takes one record. Records that are not JSON do not move the offset; those with unknown keys do.
func (l *configLog) apply(offset int64, key string, value []byte) {
	doc, err := parseRecord(value)
	if err != nil {
		l.warn("a record of the config topic is not JSON and is ignored", key)
		return
	}
	next := *l.now
	next.Offset = offset + 1
	l.now = &next
	for _, k := range configKinds {
		if rest, ok := k.match(key); ok {
			if err := k.apply(l, rest, doc); err != nil {
				l.warn("a record of the config topic is ignored: "+err.Error(), key)
			}
			return
		}
	}
	l.warn("a record of the config topic has a key that is not known and is ignored", key)
}

func (l *configLog) connector(name string, doc *record) error {
	if doc == nil {
		l.change(name, func(c *Connector) {
			c.Config, c.Tasks, c.Applied, c.Inconsistent = nil, nil, nil, false
			c.TaskCount = -1
		})
		delete(l.deferred, name)
		if l.live && l.events.Removed != nil {
			l.events.Removed(name)
		}
		return nil
	}
	props, err := doc.properties()
	if err != nil {
		return err
	}
	l.change(name, func(c *Connector) { c.Config = props })
	if l.live && l.events.Connector != nil {
		l.events.Connector(name)
	}
	return nil
}

func (l *configLog) task(name string, id int, doc *record) error {
	if doc == nil {
		return nil
	}
	props, err := doc.properties()
	if err != nil {
		return err
	}
	if l.deferred[name] == nil {
		l.deferred[name] = map[int]config.Props{}
	}
	l.deferred[name][id] = props
	return nil
}

// commit applies the task configurations written before it, if they are complete. A log that was compacted may lack
// some: then there are no tasks until the next commit.
func (l *configLog) commit(name string, doc *record) error {
	if doc == nil {
		return nil
	}
	n, err := doc.integer("tasks")
	if err != nil {
		return err
	}
	if l.now.remnants(name).Config == nil {
		delete(l.deferred, name)
		l.change(name, func(c *Connector) { c.Tasks, c.TaskCount, c.Inconsistent = nil, -1, false })
		return nil
	}
	waiting := l.deferred[name]
	complete := true
	for id := range int(n) {
		if _, ok := waiting[id]; !ok {
			complete = false
		}
	}
	l.change(name, func(c *Connector) {
		c.TaskCount, c.PendingFencing, c.Inconsistent = int(n), true, !complete
		c.Tasks = nil
		if !complete {
			return
		}
		for id := range int(n) {
			c.Tasks = append(c.Tasks, waiting[id])
		}
		if len(waiting) > 0 {
			c.Generation++
		}
		c.Applied = c.Config
	})
	delete(l.deferred, name)
	if l.live && l.events.Tasks != nil {
		l.events.Tasks(name)
	}
	return nil
}

func (l *configLog) target(name string, doc *record) error {
	before := l.now.Target(name)
	target := Target("")
	if doc != nil {
		text, ok := doc.text("state.v2")
		if !ok {
			text, ok = doc.text("state")
		}
		target = Target(text)
		if !ok || target != Started && target != Paused && target != Stopped {
			return errField("state", "STARTED, PAUSED or STOPPED")
		}
	}
	l.change(name, func(c *Connector) { c.Target = target })
	if doc != nil && l.live && l.events.Target != nil && l.now.Connector(name) != nil && l.now.Target(name) != before {
		l.events.Target(name)
	}
	return nil
}

func (l *configLog) fencing(name string, doc *record) error {
	if doc == nil {
		return nil
	}
	n, err := doc.integer("task-count")
	if err != nil {
		return err
	}
	l.change(name, func(c *Connector) { c.FencedTasks, c.PendingFencing = int(n), false })
	return nil
}

func (l *configLog) sessionKey(doc *record) error {
	if doc == nil {
		return nil
	}
	key, err := doc.sessionKey()
	if err != nil {
		return err
	}
	next := *l.now
	next.Session = &key
	l.now = &next
	if l.live && l.events.Session != nil {
		l.events.Session(key)
	}
	return nil
}

func (l *configLog) restart(name string, doc *record) error {
	if doc == nil || !l.live {
		return nil
	}
	r := Restart{Connector: name}
	r.IncludeTasks = doc.boolean("include-tasks")
	r.OnlyFailed = doc.boolean("only-failed")
	if l.events.Restart != nil {
		l.events.Restart(r)
	}
	return nil
}

func (l *configLog) logger(name string, doc *record) error {
	if doc == nil || !l.live {
		return nil
	}
	level, ok := doc.text("level")
	if !ok {
		return errField("level", "the name of a level")
	}
	if l.events.Logger != nil {
		l.events.Logger(name, level)
	}
	return nil
}

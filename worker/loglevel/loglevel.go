// SPDX-License-Identifier: Apache-2.0

// Package loglevel gives every component of a worker a log level of its own that can be changed while it runs
// (KIP-495). Components carry the names of Kafka Connect's loggers, such as
// org.apache.kafka.connect.runtime.Worker, so that the calls in people's runbooks do what they say.
//
// A logger is named by the attribute "logger" (see Named). Levels are log4j's; a name without a level of its own has that
// of its nearest ancestor, by dots, and in the end that of root.
package loglevel

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Root is the name of the logger that all others inherit from.
const Root = "root"

// Key is the attribute that names a logger.
const Key = "logger"

// Entry is the level of a logger. LastModified is in milliseconds, 0 for a level that nobody changed.
type Entry struct {
	Level        string
	LastModified int64
}

// names are log4j's levels with the slog level from which on a record passes.
var names = map[string]slog.Level{
	"OFF": 1 << 20, "FATAL": 12, "ERROR": slog.LevelError, "WARN": slog.LevelWarn,
	"INFO": slog.LevelInfo, "DEBUG": slog.LevelDebug, "TRACE": -8, "ALL": -1 << 20,
}

// Registry holds the levels of all loggers. It is safe for concurrent use.
type Registry struct {
	now func() time.Time

	mu      sync.Mutex
	entries map[string]*Entry        // level set, by name; "root" always
	vars    map[string]*atomic.Int64 // effective levels of the names in use
}

// NewRegistry makes a registry whose root logger has the level, such as "INFO".
func NewRegistry(root string) *Registry {
	if _, ok := names[root]; !ok {
		root = "INFO"
	}
	return &Registry{now: time.Now, entries: map[string]*Entry{Root: {Level: root}}, vars: map[string]*atomic.Int64{}}
}

// Levels returns the loggers that have a level of their own, those that are off excepted.
func (r *Registry) Levels() map[string]Entry {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := map[string]Entry{}
	for name, e := range r.entries {
		if e.Level != "OFF" {
			out[name] = *e
		}
	}
	return out
}

// Level returns the effective level of a logger that exists; false when there is none of that name.
func (r *Registry) Level(name string) (Entry, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if strings.EqualFold(name, Root) {
		return *r.entries[Root], true
	}
	if e, ok := r.entries[name]; ok {
		return *e, true
	}
	if _, ok := r.vars[name]; ok {
		return Entry{Level: r.effective(name)}, true
	}
	return Entry{}, false
}

// Set gives a level to a namespace and everything below it, and returns the names whose level changed, sorted. Unknown
// levels change nothing. Setting root sets all loggers.
func (r *Registry) Set(namespace, level string) []string {
	level = strings.ToUpper(level)
	if _, ok := names[level]; !ok {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	all := strings.EqualFold(namespace, Root)
	if all {
		namespace = Root
	}
	affected := map[string]bool{namespace: true}
	for _, m := range [2][]string{keys(r.entries), keys(r.vars)} {
		for _, name := range m {
			if all || strings.HasPrefix(name, namespace) {
				affected[name] = true
			}
		}
	}
	changed := []string{}
	for _, name := range keys(affected) {
		if r.effective(name) == level {
			continue
		}
		changed = append(changed, name)
	}
	for _, name := range changed {
		r.entries[name] = &Entry{Level: level, LastModified: r.now().UnixMilli()}
	}
	for name, v := range r.vars {
		v.Store(int64(names[r.effective(name)]))
	}
	slices.Sort(changed)
	return changed
}

func keys[V any](m map[string]V) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	return out
}

// effective is the level of a name or of its nearest ancestor. The lock is held.
func (r *Registry) effective(name string) string {
	for {
		if e, ok := r.entries[name]; ok {
			return e.Level
		}
		i := strings.LastIndexByte(name, '.')
		if i < 0 {
			return r.entries[Root].Level
		}
		name = name[:i]
	}
}

// variable returns the effective level of a logger, kept up to date.
func (r *Registry) variable(name string) *atomic.Int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	v, ok := r.vars[name]
	if !ok {
		v = new(atomic.Int64)
		v.Store(int64(names[r.effective(name)]))
		r.vars[name] = v
	}
	return v
}

// Handler filters records by the level of the logger that its attributes name, and passes the rest on.
type Handler struct {
	inner slog.Handler
	r     *Registry
	level *atomic.Int64
}

// NewHandler puts the registry before a handler. The handler's own level no longer counts.
func NewHandler(inner slog.Handler, r *Registry) *Handler {
	if h, ok := inner.(*Handler); ok {
		inner = h.inner // not twice
	}
	return &Handler{inner: inner, r: r, level: r.variable(Root)}
}

// Enabled implements slog.Handler.
func (h *Handler) Enabled(_ context.Context, l slog.Level) bool { return int64(l) >= h.level.Load() }

// Handle implements slog.Handler.
func (h *Handler) Handle(ctx context.Context, rec slog.Record) error { return h.inner.Handle(ctx, rec) }

// WithAttrs implements slog.Handler; an attribute "logger" chooses the level.
func (h *Handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	out := &Handler{inner: h.inner.WithAttrs(attrs), r: h.r, level: h.level}
	for _, a := range attrs {
		if a.Key == Key {
			out.level = h.r.variable(a.Value.String())
		}
	}
	return out
}

// WithGroup implements slog.Handler.
func (h *Handler) WithGroup(name string) slog.Handler {
	return &Handler{inner: h.inner.WithGroup(name), r: h.r, level: h.level}
}

// Named returns a logger of that name.
func Named(log *slog.Logger, name string) *slog.Logger { return log.With(slog.String(Key, name)) }

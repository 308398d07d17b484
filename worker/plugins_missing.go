// SPDX-License-Identifier: Apache-2.0

package worker

import (
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"

	"github.com/penstock-io/penstock/codec"
	"github.com/penstock-io/penstock/config"
	"github.com/penstock-io/penstock/smt"
	"github.com/penstock-io/penstock/worker/store"
)

// joinUnsupportedKey says what a worker does that is to join a cluster whose connectors need classes it lacks.
const (
	joinUnsupportedKey = "penstock.join.unsupported"
	joinRefuse         = "refuse"
	joinWarn           = "warn"
)

// MissingPlugin is a class that a connector of the cluster needs and this worker does not have.
type MissingPlugin struct {
	Connector string `json:"connector"`
	Key       string `json:"key"`
	Class     string `json:"class"`
}

// String names all three.
func (m MissingPlugin) String() string {
	return fmt.Sprintf("connector %s needs %s (%s)", m.Connector, m.Class, m.Key)
}

// missingPlugins lists what a connector's configuration names and this worker lacks. A variable that cannot be resolved
// here is looked up as it is written, and so found missing.
func (c *Config) missingPlugins(name string, raw config.Props) []MissingPlugin {
	props := raw
	if t, err := c.Transformer.Transform(raw); err == nil {
		props = t.Props
	}
	var out []MissingPlugin
	check := func(key string, known func(class string) bool) {
		class, ok := props.Get(key)
		if class = strings.TrimSpace(class); !ok || class == "" || known(class) {
			return
		}
		if text, _ := raw.Get(key); strings.Contains(text, "${") {
			class = text // what a provider holds is nobody's business
		}
		out = append(out, MissingPlugin{name, key, class})
	}
	check(classKey, func(class string) bool { _, _, err := findConnector(class); return err == nil })
	for _, key := range []string{"key.converter", "value.converter"} {
		check(key, func(class string) bool { _, _, ok := codec.Registry.Lookup(class); return ok })
	}
	check("header.converter", func(class string) bool { _, _, ok := codec.HeaderRegistry.Lookup(class); return ok })
	list, _ := props.Get("transforms")
	for _, alias := range splitList(list) {
		check("transforms."+alias+".type", func(class string) bool { _, _, ok := smt.Transforms.Lookup(class); return ok })
	}
	list, _ = props.Get("predicates")
	for _, alias := range splitList(list) {
		check("predicates."+alias+".type", func(class string) bool { _, _, ok := smt.Predicates.Lookup(class); return ok })
	}
	return out
}

// missingIn lists what all connectors of a cluster need and this worker lacks.
func (c *Config) missingIn(snap *store.Configs) []MissingPlugin {
	var out []MissingPlugin
	for _, name := range snap.Names() {
		out = append(out, c.missingPlugins(name, snap.Connector(name).Config)...)
	}
	return out
}

// checkSupported refuses to join a cluster in which this worker could be given what it cannot run: a leader does not know
// what a worker can do, and would not give it to another when it fails.
func (d *Distributed) checkSupported() error {
	missing := d.cfg.missingIn(d.configs.Snapshot())
	if len(missing) == 0 {
		return nil
	}
	if strings.EqualFold(d.cfg.Own.String(joinUnsupportedKey), joinWarn) {
		for _, m := range missing {
			d.log.Warn("a connector of the cluster needs a class that this worker does not have; what of it is assigned to this worker will fail",
				slog.String("connector", m.Connector), slog.String("key", m.Key), slog.String("class", m.Class))
		}
		return nil
	}
	lines := map[string]bool{}
	for _, m := range missing {
		lines[m.String()] = true
	}
	return config.Plain(joinUnsupportedKey, "this worker cannot join the group "+d.cfg.Values.String("group.id")+
		": it lacks classes that connectors of the cluster need, and what is assigned to it of these would fail:\n  "+
		strings.Join(slices.Sorted(maps.Keys(lines)), "\n  ")+
		"\nMove or remove these connectors first, or set "+joinUnsupportedKey+"="+joinWarn+" to join nevertheless")
}

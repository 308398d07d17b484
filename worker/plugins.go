// SPDX-License-Identifier: Apache-2.0

package worker

import (
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/codec"
	"github.com/penstock-io/penstock/config"
	"github.com/penstock-io/penstock/config/kafkadefs"
	"github.com/penstock-io/penstock/connectors"
	"github.com/penstock-io/penstock/internal/kafka"
	"github.com/penstock-io/penstock/smt"
	"github.com/penstock-io/penstock/worker/rest"
)

// pluginKinds are the kinds of classes that only count when they are linked in.
const pluginKinds = config.KindSource | config.KindSink | config.KindConverter | config.KindHeaderConverter |
	config.KindTransformation | config.KindPredicate

// resolveClass finds a class by name or alias, as Connect's plugin loader does: what is linked in, and the classes of the
// JDK and Connect that are no plugins or cannot be used.
func resolveClass(name string) (config.Class, bool) {
	full := ""
	if _, class, ok := connectors.Registry.Lookup(name); ok {
		full = class
	} else if _, class, ok := codec.Registry.Lookup(name); ok {
		full = class
	} else if _, class, ok := codec.HeaderRegistry.Lookup(name); ok {
		full = class
	} else if _, class, ok := smt.Transforms.Lookup(name); ok {
		full = class
	} else if _, class, ok := smt.Predicates.Lookup(name); ok {
		full = class
	}
	if full != "" {
		return config.Class{Name: full, Kinds: kindsOf(full)}, true
	}
	k, ok := kafkadefs.Class(name)
	if ok && k.Kinds&pluginKinds != 0 && !k.Abstract && !k.Private {
		return config.Class{}, false // Connect has it, this binary does not
	}
	return k, ok
}

// kindsOf returns the kinds that a class is linked in as.
func kindsOf(class string) config.Kind {
	var k config.Kind
	if p, _, ok := connectors.Registry.Lookup(class); ok {
		k |= connectorKind(p)
	}
	if _, _, ok := codec.Registry.Lookup(class); ok {
		k |= config.KindConverter
	}
	if _, _, ok := codec.HeaderRegistry.Lookup(class); ok {
		k |= config.KindHeaderConverter
	}
	if _, _, ok := smt.Transforms.Lookup(class); ok {
		k |= config.KindTransformation
	}
	if _, _, ok := smt.Predicates.Lookup(class); ok {
		k |= config.KindPredicate
	}
	return k
}

// isPlugin tells whether a class can be used as a plugin of that kind.
func isPlugin(c config.Class, k config.Kind) bool {
	return c.Kinds&k != 0 && !c.Abstract && kindsOf(c.Name)&k != 0
}

func connectorKind(p connectors.Plugin) config.Kind {
	if p.Kind == connectors.SinkKind {
		return config.KindSink
	}
	return config.KindSource
}

// versionOf is the version of a plugin, "" for what is none.
func versionOf(name string) string {
	if p, _, err := findConnector(name); err == nil {
		return connectorVersion(p)
	}
	if c, ok := resolveClass(name); ok && c.Kinds&pluginKinds != 0 && !c.Abstract {
		return Version
	}
	return ""
}

func versionsOf(name string) []string {
	if v := versionOf(name); v != "" {
		return []string{v}
	}
	return nil
}

func connectorVersion(p connectors.Plugin) string {
	if p.Version != "" {
		return p.Version
	}
	return Version
}

// findConnector finds a connector by class name or alias, or by a simple name without "Connector".
func findConnector(name string) (connectors.Plugin, string, error) {
	if p, class, ok := connectors.Registry.Lookup(name); ok {
		return p, class, nil
	}
	var matches []string
	for _, class := range connectors.Registry.Names() {
		if s := config.SimpleName(class); s == name || s == name+"Connector" {
			matches = append(matches, class)
		}
	}
	switch len(matches) {
	case 1:
		p, class, _ := connectors.Registry.Lookup(matches[0])
		return p, class, nil
	case 0:
		return connectors.Plugin{}, "", batch.NewFault(batch.ConnectException,
			"Failed to find any class that implements Connector and which name matches "+name+
				", available connectors are: "+describeConnectors())
	default:
		return connectors.Plugin{}, "", batch.NewFault(batch.ConnectException, "More than one connector matches alias "+name+
			". Please use full package and class name instead. Classes found: "+describeConnectors())
	}
}

func describeConnectors() string {
	var out []string
	for _, class := range connectors.Registry.Names() {
		p, _, _ := connectors.Registry.Lookup(class)
		if p.Hidden {
			continue
		}
		out = append(out, "PluginDesc{klass=class "+class+", name='"+class+"', version='"+connectorVersion(p)+
			"', encodedVersion="+connectorVersion(p)+", type="+p.Kind.String()+", typeName='"+p.Kind.String()+"', location='penstock'}")
	}
	return strings.Join(out, ", ")
}

// connectorType is source, sink or unknown.
func connectorType(cfg rest.Config) string {
	class, ok := cfg.Get("connector.class")
	if !ok {
		return "unknown"
	}
	p, _, err := findConnector(class)
	if err != nil {
		return "unknown"
	}
	return p.Kind.String()
}

// listPlugins lists all plugins in the order of GET /connector-plugins.
func listPlugins() []rest.PluginInfo {
	var out []rest.PluginInfo
	for _, kind := range []connectors.Kind{connectors.SinkKind, connectors.SourceKind} {
		for _, class := range connectors.Registry.Names() {
			if p, _, _ := connectors.Registry.Lookup(class); p.Kind == kind && !p.Hidden {
				out = append(out, rest.PluginInfo{Class: class, Type: kind.String(), Version: connectorVersion(p)})
			}
		}
	}
	for _, g := range []struct {
		kind  string
		names []string
	}{
		{"transformation", smt.Transforms.Names()}, {"predicate", smt.Predicates.Names()},
		{"converter", codec.Registry.Names()}, {"header_converter", codec.HeaderRegistry.Names()},
	} {
		for _, class := range g.names {
			out = append(out, rest.PluginInfo{Class: class, Type: g.kind, Version: Version})
		}
	}
	return out
}

// pluginConfig returns the options of a plugin, its own first, then those of the framework.
func pluginConfig(name, version string) ([]rest.ConfigKey, error) {
	if p, class, ok := connectors.Registry.Lookup(name); ok {
		if err := checkPluginVersion(class, version, connectorVersion(p)); err != nil {
			return nil, err
		}
		base := withDefault(baseDef(p.Kind), "connector.plugin.version", connectorVersion(p))
		return describe(ownFirst(p.Def, base)), nil
	}
	def, found := pluginDef(name)
	if found {
		if err := checkPluginVersion(name, version, Version); err != nil {
			return nil, err
		}
		return describe(def), nil
	}
	c, ok := resolveClass(name)
	_, _, provider := config.Providers.Lookup(name)
	_, notPolicy := kafka.NewOverridePolicy(name, nil)
	switch {
	case provider, notPolicy == nil, ok && c.Kinds != 0 && !c.Abstract:
		return nil, rest.BadRequest("Invalid plugin class " + name +
			". Valid types are sink, source, converter, header_converter, transformation, predicate.")
	case !ok:
		return nil, rest.NotFound("Unknown plugin " + name + ".")
	}
	return nil, rest.Internal("Instantiation error")
}

// checkPluginVersion is checkVersion for a version asked for in a URL; "" is that of a URL without one.
func checkPluginVersion(class, requirement, have string) error {
	if requirement == "" {
		return nil
	}
	err := checkVersion(class, requirement, have)
	if e := (*errVersion)(nil); err != nil && !errors.As(err, &e) {
		return rest.BadRequest("Invalid version specification: " + requirement)
	}
	if err != nil {
		return rest.BadRequest(err.Error())
	}
	return nil
}

func pluginDef(name string) (config.Def, bool) {
	if p, _, ok := codec.Registry.Lookup(name); ok {
		return p.Def, true
	}
	if p, _, ok := codec.HeaderRegistry.Lookup(name); ok {
		return p.Def, true
	}
	if p, _, ok := smt.Transforms.Lookup(name); ok {
		return p.Def, true
	}
	if p, _, ok := smt.Predicates.Lookup(name); ok {
		return p.Def, true
	}
	return nil, false
}

// ownFirst puts the keys that base has and own lacks behind those of own.
func ownFirst(own, base config.Def) config.Def {
	out := slices.Clone(own)
	for _, k := range base {
		if _, ok := own.Find(k.Info().Name); !ok {
			out = append(out, k)
		}
	}
	return out
}

func baseDef(k connectors.Kind) config.Def {
	if k == connectors.SinkKind {
		return kafkadefs.MustGet(kafkadefs.SinkConnector)
	}
	return kafkadefs.MustGet(kafkadefs.SourceConnector)
}

// withDefault returns d with another default for one key; "" is null.
func withDefault(d config.Def, key, value string) config.Def {
	out := slices.Clone(d)
	for i, k := range out {
		if info := k.Info(); info.Name == key {
			info.Required = false
			info.Default = nil
			if value != "" {
				info.Default = value
			}
			out[i] = config.NewKey(info)
		}
	}
	return out
}

func describe(d config.Def) []rest.ConfigKey {
	out := make([]rest.ConfigKey, 0, len(d))
	for _, k := range d {
		out = append(out, describeKey(k.Info(), ""))
	}
	return out
}

// describeKey is AbstractHerder.convertConfigKey.
func describeKey(k config.KeyInfo, prefix string) rest.ConfigKey {
	c := rest.ConfigKey{
		Name: prefix + k.Name, Type: k.Type.String(), Required: k.Required, DefaultValue: k.DefaultText(),
		Importance: k.Importance.String(), Documentation: k.Doc, OrderInGroup: k.Order, Width: k.Width.String(),
		DisplayName: k.DisplayName, Dependents: k.Dependents,
	}
	if k.Group != "" {
		c.Group = &k.Group
	}
	return c
}

// errVersion is VersionedPluginLoadingException.
type errVersion struct {
	message   string
	available []string
}

func (e *errVersion) Error() string { return e.message }

// checkVersion tells whether one of a plugin's versions satisfies a requirement: latest is any, a bare version is exact,
// otherwise a Maven range. The error is an *errVersion, or says why it is no range.
func checkVersion(class, requirement string, have ...string) error {
	want := strings.TrimSpace(requirement)
	if want == "latest" {
		return nil
	}
	if want == "" || !strings.ContainsAny(want[:1], "[(") {
		want = "[" + want + "]"
	}
	shown, ok, err := inRanges(want, have)
	if err != nil || ok {
		return err
	}
	return &errVersion{"Plugin " + class + " not found that matches the version range " + shown + ", available versions: [" +
		strings.Join(have, ", ") + "]", slices.Compact(slices.Clone(have))}
}

// inRanges also returns the ranges as Connect shows them, with both ends.
func inRanges(spec string, have []string) (shown string, ok bool, err error) {
	var parts []string
	for rest := spec; rest != ""; {
		end := strings.IndexAny(rest, ")]")
		if end < 1 || !strings.ContainsAny(rest[:1], "[(") {
			return "", false, errors.New("Unbounded range: " + spec)
		}
		low, high, two := strings.Cut(rest[1:end], ",")
		low, high = strings.TrimSpace(low), strings.TrimSpace(high)
		if !two {
			high = low
		}
		parts = append(parts, rest[:1]+low+","+high+rest[end:end+1])
		for _, v := range have {
			lowOK := low == "" && two || compare(v, low) > 0 || rest[0] == '[' && compare(v, low) == 0
			highOK := high == "" && two || compare(v, high) < 0 || rest[end] == ']' && compare(v, high) == 0
			ok = ok || lowOK && highOK
		}
		rest = strings.TrimLeft(rest[end+1:], ", ")
	}
	return strings.Join(parts, ","), ok, nil
}

// compare compares versions number by number; a text that is no number counts as before any number. That is enough for
// the versions of plugins that are linked in, which are all of the form 4.3.1.
func compare(a, b string) int {
	x, y := strings.FieldsFunc(a, separator), strings.FieldsFunc(b, separator)
	for i := range max(len(x), len(y)) {
		if c := number(x, i) - number(y, i); c != 0 {
			return c
		}
	}
	return 0
}

func separator(r rune) bool { return r == '.' || r == '-' }

func number(parts []string, i int) int {
	if i >= len(parts) {
		return 0
	}
	n, err := strconv.Atoi(parts[i])
	if err != nil {
		return -1
	}
	return n
}

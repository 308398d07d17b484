// SPDX-License-Identifier: Apache-2.0

package worker

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/penstock-io/penstock/codec"
	"github.com/penstock-io/penstock/config"
	"github.com/penstock-io/penstock/config/kafkadefs"
	"github.com/penstock-io/penstock/connectors"
	"github.com/penstock-io/penstock/smt"
)

func itoa(n int) string { return strconv.Itoa(n) }

// kafkas are the classes of Apache Kafka itself. Only they are recommended, so that an answer equals that of a worker
// whose plugin.path holds nothing more; GET /connector-plugins?connectorsOnly=false lists all that there is.
func kafkas(classes []string) []string {
	var out []string
	for _, c := range classes {
		if strings.HasPrefix(c, "org.apache.kafka.") {
			out = append(out, c)
		}
	}
	return out
}

// pluginsForRecommenders is what recommendations are made of.
var pluginsForRecommenders = kafkadefs.Plugins{
	Converters: func() []config.Class { return classesOf(kafkas(codec.Registry.Names()), config.KindConverter) },
	HeaderConverters: func() []config.Class {
		return classesOf(kafkas(codec.HeaderRegistry.Names()), config.KindHeaderConverter)
	},
	Versions: versionsOf,
}

func classesOf(names []string, k config.Kind) []config.Class {
	out := make([]config.Class, len(names))
	for i, n := range names {
		out[i] = config.Class{Name: n, Kinds: k}
	}
	return out
}

// enriched is ConnectorConfig.enrich: the framework's keys with this worker's defaults, then the keys of every transform
// and predicate that the configuration names.
func (v *validation) enriched(connector string, p connectors.Plugin) config.Def {
	def := withDefault(baseDef(p.Kind), versionKey, connectorVersion(p))
	for _, key := range [3]string{"key.converter", "value.converter", "header.converter"} {
		def = v.converterDefaults(def, key)
	}
	def = converterVersionRecommenders(kafkadefs.WithPlugins(def, pluginsForRecommenders))
	def = v.aliases(def, aliasKind{
		key: "transforms", group: "Transforms", kind: "Transformation", iface: "org.apache.kafka.connect.transforms.Transformation",
		class: config.KindTransformation, names: smt.Transforms.Names, def: transformDef,
	})
	return v.aliases(def, aliasKind{
		key: "predicates", group: "Predicates", kind: "Predicate", iface: "org.apache.kafka.connect.transforms.predicates.Predicate",
		class: config.KindPredicate, names: smt.Predicates.Names, def: predicateDef,
	})
}

// converterDefaults makes the worker's converter the default of the connector's, and the version of the one in effect
// the default of its version.
func (v *validation) converterDefaults(def config.Def, key string) config.Def {
	workers := v.worker.Values.Class(key).Name
	effective := workers
	if s, ok := v.props.Get(key); ok {
		effective = strings.TrimSpace(s)
	}
	version := ""
	want := config.KindConverter
	if key == "header.converter" {
		want = config.KindHeaderConverter
	}
	if c, ok := resolveClass(effective); ok && isPlugin(c, want) {
		version = Version
	}
	return withDefault(withDefault(def, key, workers), key+".plugin.version", version)
}

// converterVersionRecommenders recommends versions only of what is a converter of the right kind.
func converterVersionRecommenders(def config.Def) config.Def {
	out := slices.Clone(def)
	for i, k := range out {
		info := k.Info()
		of, found := strings.CutSuffix(info.Name, ".converter.plugin.version")
		if !found {
			continue
		}
		want := config.KindConverter
		if of == "header" {
			want = config.KindHeaderConverter
		}
		info.Recommender = converterVersions{base: info.Recommender, of: of + ".converter", want: want}
		out[i] = config.NewKey(info)
	}
	return out
}

// converterVersions narrows a recommender of versions to classes of one kind.
type converterVersions struct {
	base config.Recommender
	of   string
	want config.Kind
}

// Values implements config.Recommender.
func (r converterVersions) Values(key string, parsed map[string]any) []any {
	if c, ok := parsed[r.of].(config.Class); ok && isPlugin(c, r.want) {
		return r.base.Values(key, parsed)
	}
	return nil
}

// Visible implements config.Recommender.
func (r converterVersions) Visible(key string, parsed map[string]any) bool {
	return r.base.Visible(key, parsed)
}

// aliasKind is what transforms and predicates have in common (ConnectorConfig.EnrichablePlugin).
type aliasKind struct {
	key, group, kind, iface string
	class                   config.Kind
	names                   func() []string
	def                     func(class string) (config.Def, bool)
}

func transformDef(class string) (config.Def, bool) {
	p, _, ok := smt.Transforms.Lookup(class)
	if !ok {
		return nil, false
	}
	out := config.Def{ // all transformations have these two; keys of their own by that name give way
		config.String("predicate").Doc("The alias of a predicate used to determine whether to apply this transformation."),
		config.Bool("negate").Default(false).Doc("Whether the configured predicate should be negated."),
	}
	for _, k := range p.Def {
		if n := k.Info().Name; n != "predicate" && n != "negate" {
			out = append(out, k)
		}
	}
	return out, true
}

func predicateDef(class string) (config.Def, bool) {
	p, _, ok := smt.Predicates.Lookup(class)
	return p.Def, ok
}

func (v *validation) aliases(def config.Def, k aliasKind) config.Def {
	raw, ok := v.props.Get(k.key)
	if !ok {
		return def
	}
	parsed, err := config.ParseValue(k.key, raw, config.TypeList, nil)
	if err != nil {
		return def
	}
	var seen []string
	for _, alias := range parsed.([]string) {
		if slices.Contains(seen, alias) {
			continue
		}
		seen = append(seen, alias)
		def = def.With(v.alias(alias, k))
	}
	return def
}

// alias returns the keys of one alias, with their prefix.
func (v *validation) alias(alias string, k aliasKind) config.Def {
	prefix, group := k.key+"."+alias+".", k.group+": "+alias
	what := strings.ToLower(k.kind)
	var class config.Class
	if s, ok := v.props.Get(prefix + "type"); ok {
		class, _ = resolveClass(strings.TrimSpace(s))
	}
	subclass := config.Concrete(k.iface, k.class)
	usable := class.Name != "" && subclass.Validate(prefix+"type", class) == nil
	version := ""
	var wrong error
	if usable {
		version = Version
		if requirement, ok := v.props.Get(prefix + "plugin.version"); ok {
			wrong = checkVersion(class.Name, requirement, Version)
		}
	}
	typeKey := config.NewKey(config.KeyInfo{
		Name: prefix + "type", Type: config.TypeClass, Required: true, Importance: config.High, Group: group, Order: 0,
		Width: config.WidthLong, DisplayName: k.kind + " type for " + alias,
		Doc:         "Class for the '" + alias + "' " + what + ".",
		Validator:   v.aliasType(prefix, subclass, wrong),
		Recommender: recommended{func() []any { return anyClasses(classesOf(kafkas(k.names()), k.class)) }},
	})
	versionInfo := config.KeyInfo{
		Name: prefix + "plugin.version", Type: config.TypeString, Importance: config.High, Group: group, Order: 1,
		Width: config.WidthLong, DisplayName: k.kind + " version for " + alias,
		Doc: "Version of the '" + alias + "' " + what + ".",
		Recommender: recommended{func() []any {
			if version == "" {
				return nil
			}
			return []any{version}
		}},
	}
	if version != "" {
		versionInfo.Default = version
	}
	if base, ok := kafkadefs.MustGet(kafkadefs.Connector).Find(versionKey); ok {
		versionInfo.Validator = config.All(base.Validator, config.ValidatorFunc{Text: base.Validator.String(), Check: func(key string, _ any) error {
			if wrong != nil {
				return config.Plain(key, wrong.Error())
			}
			return nil
		}})
	}
	out := config.Def{typeKey, config.NewKey(versionInfo)}
	if !usable || wrong != nil {
		return out
	}
	if own, ok := k.def(class.Name); ok {
		out = append(out, embed(prefix, group, 2, own)...)
	}
	return out
}

// aliasType validates the type of an alias: negate wants a predicate, and the class must be of the right kind.
func (v *validation) aliasType(prefix string, subclass config.Validator, wrong error) config.Validator {
	return config.ValidatorFunc{Text: "valid configs for the alias", Check: func(key string, value any) error {
		_, negate := v.props[prefix+"negate"]
		_, predicate := v.props[prefix+"predicate"]
		if negate && !predicate && strings.HasPrefix(prefix, "transforms.") {
			return config.Plain(key, "Config '"+prefix+"negate' was provided but there is no config '"+prefix+
				"predicate' defining a predicate to be negated.")
		}
		if value == nil {
			return nil // not found; said already
		}
		if err := subclass.Validate(key, value); err != nil {
			return err
		}
		if wrong != nil {
			return config.Plain(key, wrong.Error())
		}
		return nil
	}}
}

// recommended is a recommender of fixed values; the key is always visible.
type recommended struct{ values func() []any }

// Values implements config.Recommender.
func (r recommended) Values(string, map[string]any) []any { return r.values() }

// Visible implements config.Recommender.
func (recommended) Visible(string, map[string]any) bool { return true }

func anyClasses(cs []config.Class) []any {
	out := make([]any, len(cs))
	for i, c := range cs {
		out[i] = c
	}
	return out
}

// embed is ConfigDef.embed: the keys of child, sorted as Connect's documentation sorts them, under a prefix and a group.
// Their validators see the name without the prefix.
func embed(prefix, group string, order int, child config.Def) config.Def {
	sorted := slices.Clone(child)
	groups := child.Groups()
	slices.SortStableFunc(sorted, func(a, b *config.Key) int { return compareKeys(a.Info(), b.Info(), groups) })
	out := make(config.Def, 0, len(sorted))
	for i, k := range sorted {
		info := k.Info()
		if info.Group == "" {
			info.Group = group
		} else {
			info.Group = group + ": " + info.Group
		}
		info.Name = prefix + info.Name
		info.Order = order + i
		info.Dependents = slices.Clone(info.Dependents)
		for j, d := range info.Dependents {
			info.Dependents[j] = prefix + d
		}
		if base := info.Validator; base != nil {
			info.Validator = config.ValidatorFunc{Text: base.String(), Check: func(key string, value any) error {
				return base.Validate(strings.TrimPrefix(key, prefix), value)
			}}
		}
		out = append(out, config.NewKey(info))
	}
	return out
}

// compareKeys is ConfigDef.compare: by group, place in it, required first, importance, name.
func compareKeys(a, b config.KeyInfo, groups []string) int {
	at := func(g string) int { return slices.Index(groups, g) } // no group: -1, first
	truth := func(t bool) int {
		if t {
			return 0
		}
		return 1
	}
	return cmp.Or(
		cmp.Compare(at(a.Group), at(b.Group)),
		cmp.Compare(a.Order, b.Order),
		cmp.Compare(truth(a.Required), truth(b.Required)),
		cmp.Compare(rank(a.Importance), rank(b.Importance)),
		cmp.Compare(a.Name, b.Name),
	)
}

// rank is the ordinal of the Java enum: HIGH, MEDIUM, LOW.
func rank(i config.Importance) int {
	switch i {
	case config.High:
		return 0
	case config.Low:
		return 2
	default:
		return 1
	}
}

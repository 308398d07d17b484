// SPDX-License-Identifier: Apache-2.0

package smt

import (
	"github.com/penstock-io/penstock/config"
	"github.com/penstock-io/penstock/config/kafkadefs"
)

// chainPlugin is a transform or predicate that a connector names, found and ready to be validated.
type chainPlugin struct {
	alias  string
	prefix string // of its keys, such as "transforms.hoist."
	class  string
	plugin Plugin
}

// findPlugins finds the classes of all aliases of "transforms" or "predicates", as EnrichablePlugin.enrich does before
// anything else is parsed.
func findPlugins(props config.Props, list string, aliases []string) ([]chainPlugin, error) {
	registry, iface, kind := Transforms, "Transformation", config.KindTransformation
	if list == "predicates" {
		registry, iface, kind = Predicates, "Predicate", config.KindPredicate
	}
	found := make([]chainPlugin, 0, len(aliases))
	for _, alias := range aliases {
		p := chainPlugin{alias: alias, prefix: list + "." + alias + "."}
		key := p.prefix + "type"
		v, err := config.Def{config.ClassName(key)}.ParseWith(props, config.Options{Classes: resolveClass})
		if err != nil {
			return nil, err
		}
		if v.IsNull(key) {
			return nil, config.Invalid(key, nil, "Not a "+iface)
		}
		c := v.Class(key)
		if err := concrete(key, c, iface, kind); err != nil {
			return nil, err
		}
		ok := false
		if p.plugin, p.class, ok = registry.Lookup(c.Name); !ok {
			return nil, config.Plain(key, "Class "+c.Name+" is known, but not part of this build"+nearest(registry, c.Name))
		}
		found = append(found, p)
	}
	return found, nil
}

func nearest(r *config.Registry[Plugin], name string) string {
	if s := r.Suggest(name); s != "" {
		return "; did you mean " + s + "?"
	}
	return ""
}

// concrete is Utils.ensureConcreteSubclass.
func concrete(key string, c config.Class, iface string, kind config.Kind) error {
	if c.Kinds&kind == 0 {
		return config.Plain(key, "Class class "+c.Name+" does not implement the "+iface+" interface")
	}
	if !c.Abstract {
		return nil
	}
	message := "This class is abstract and cannot be created."
	if c.Children != "" {
		message += " Did you mean " + c.Children + "?"
	}
	return config.Plain(key, message)
}

// resolveClass finds a class among the plugins of this build, by name or alias, and then among those of Kafka Connect.
func resolveClass(name string) (config.Class, bool) {
	if _, class, ok := Transforms.Lookup(name); ok {
		return config.Class{Name: class, Kinds: config.KindTransformation}, true
	}
	if _, class, ok := Predicates.Lookup(name); ok {
		return config.Class{Name: class, Kinds: config.KindPredicate}, true
	}
	return kafkadefs.Class(name)
}

// validate parses all keys of a plugin under their full names, in the order of the definition that Connect makes.
func (p chainPlugin) validate(props config.Props) error {
	if p.plugin.New != nil {
		_, negate := props[p.prefix+"negate"]
		_, predicate := props[p.prefix+"predicate"]
		if negate && !predicate {
			return config.Plain(p.prefix+"negate", "Config '"+p.prefix+"negate' was provided but there is no config '"+
				p.prefix+"predicate' defining a predicate to be negated.")
		}
		if _, err := stageConfig.Prefixed(p.prefix, "").Parse(props); err != nil {
			return err
		}
	}
	_, err := p.plugin.Def.Prefixed(p.prefix, "").ParseWith(props, config.Options{Classes: resolveClass})
	return err
}

// stageConfig has the keys that every transform takes besides its own.
var stageConfig = config.Def{
	config.String("predicate").Doc("The alias of a predicate used to determine whether to apply this transformation."),
	config.Bool("negate").Default(false).Doc("Whether the configured predicate should be negated."),
}

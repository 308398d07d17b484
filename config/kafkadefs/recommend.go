// SPDX-License-Identifier: Apache-2.0

package kafkadefs

import (
	"strings"

	"github.com/penstock-io/penstock/config"
)

// Plugins is what recommendations are made of. Any function may be nil.
type Plugins struct {
	// Converters and HeaderConverters return the classes to offer.
	Converters, HeaderConverters func() []config.Class
	// Versions returns the known versions of a plugin by full class name or alias.
	Versions func(className string) []string
}

// WithPlugins returns a definition that recommends from p where Connect's own
// PluginsRecommenders do. Without it nothing is recommended; visibility is the same.
func WithPlugins(d config.Def, p Plugins) config.Def {
	out := make(config.Def, len(d))
	for i, k := range d {
		out[i] = k
		switch r := k.Info().Recommender.(type) {
		case classes:
			r.plugins = p
			info := k.Info()
			info.Recommender = r
			out[i] = config.NewKey(info)
		case versions:
			r.plugins = p
			info := k.Info()
			info.Recommender = r
			out[i] = config.NewKey(info)
		}
	}
	return out
}

const recommenders = "org.apache.kafka.connect.runtime.isolation.PluginsRecommenders$"

func recommender(class string) config.Recommender {
	switch simple := strings.TrimPrefix(class, recommenders); simple {
	case "":
		return nil
	case "ConverterPluginRecommender":
		return classes{}
	case "HeaderConverterPluginRecommender":
		return classes{header: true}
	case "ConnectorPluginVersionRecommender":
		return versions{of: "connector.class"}
	case "KeyConverterPluginVersionRecommender":
		return versions{of: "key.converter"}
	case "ValueConverterPluginVersionRecommender":
		return versions{of: "value.converter"}
	case "HeaderConverterPluginVersionRecommender":
		return versions{of: "header.converter"}
	}
	panic("BUG: defs.json: recommender " + class)
}

// classes recommends converters; the key is always visible.
type classes struct {
	plugins Plugins
	header  bool
}

func (c classes) Values(string, map[string]any) []any {
	list := c.plugins.Converters
	if c.header {
		list = c.plugins.HeaderConverters
	}
	if list == nil {
		return nil
	}
	var out []any
	for _, class := range list() {
		out = append(out, class)
	}
	return out
}

func (classes) Visible(string, map[string]any) bool { return true }

// versions recommends versions of the plugin that another key names, and is
// visible only when that key has a value.
type versions struct {
	plugins Plugins
	of      string
}

func (v versions) Values(_ string, parsed map[string]any) []any {
	name := config.ConvertToString(parsed[v.of])
	if name == nil || v.plugins.Versions == nil {
		return nil
	}
	var out []any
	for _, s := range v.plugins.Versions(*name) {
		out = append(out, s)
	}
	return out
}

func (v versions) Visible(_ string, parsed map[string]any) bool { return parsed[v.of] != nil }

// SPDX-License-Identifier: Apache-2.0

package rest

import (
	"net/http"
	"strings"
)

// plugins adds the resources below /connector-plugins.
func (x *api) plugins(mux *http.ServeMux) {
	x.json(mux, "/connector-plugins", map[string]method{"GET": listPlugins})
	x.json(mux, "/connector-plugins/{plugin}/config", map[string]method{"GET": getPluginConfig})
	x.json(mux, "/connector-plugins/{plugin}/config/validate", map[string]method{"PUT": validate}, "PUT")
}

func listPlugins(c *call) (answer, error) {
	q := c.URL.Query()
	connectorsOnly := !q.Has("connectorsOnly") || c.flag("connectorsOnly")
	var out list[PluginInfo]
	for _, p := range c.herder().Plugins() {
		if !connectorsOnly || p.Type == "sink" || p.Type == "source" {
			out = append(out, p)
		}
	}
	return ok(out), nil
}

func getPluginConfig(c *call) (answer, error) {
	q := c.URL.Query()
	version := q.Get("version")
	if version == "" && q.Has("version") {
		version = "[]" // an empty version is none that exists, as against no version
	}
	keys, err := c.herder().PluginConfig(c.PathValue("plugin"), version)
	return ok(list[ConfigKey](keys)), err
}

func validate(c *call) (answer, error) {
	plugin := c.PathValue("plugin")
	cfg, err := c.config()
	if err != nil {
		return answer{}, err
	}
	if class, ok := cfg.Get("connector.class"); ok && !strings.HasSuffix(normalPlugin(class), normalPlugin(plugin)) {
		return answer{}, BadRequest("Included connector type " + class + " does not match request type " + plugin)
	}
	infos, err := c.herder().Validate(c.Context(), cfg)
	if err != nil {
		// Connect wraps what happens here, so that even a bad request becomes a 500 that quotes the exception.
		_, text := statusOf(err)
		return answer{}, Internal(javaClass(err) + ": " + text)
	}
	return ok(infos), nil
}

// normalPlugin cuts "Connector" off the end of a plugin name.
func normalPlugin(name string) string {
	if short := strings.TrimSuffix(name, "Connector"); short != "" {
		return short
	}
	return name
}

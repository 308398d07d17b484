// SPDX-License-Identifier: Apache-2.0

package rest

import (
	"maps"
	"net/http"
	"slices"
	"strings"
)

// loggers adds /admin/loggers (KIP-495, KIP-976).
func (x *api) loggers(mux *http.ServeMux) {
	x.json(mux, "/admin/loggers", map[string]method{"GET": listLoggers})
	x.json(mux, "/admin/loggers/{logger}", map[string]method{"GET": getLogger, "PUT": setLogger}, "PUT")
}

// loggerLevels is the body of GET /admin/loggers, sorted by name.
type loggerLevels map[string]LoggerLevel

func (l loggerLevels) writeJSON(w *writer) {
	w.open('{')
	for _, name := range slices.Sorted(maps.Keys(l)) {
		w.key(name)
		l[name].writeJSON(w)
	}
	w.close('}')
}

func listLoggers(c *call) (answer, error) { return ok(loggerLevels(c.herder().LoggerLevels())), nil }

func getLogger(c *call) (answer, error) {
	name := c.PathValue("logger")
	l, found := c.herder().LoggerLevel(name)
	if !found {
		return answer{}, NotFound("Logger " + name + " not found.")
	}
	return ok(l), nil
}

// levels are the names that log4j knows.
var levels = []string{"OFF", "FATAL", "ERROR", "WARN", "INFO", "DEBUG", "TRACE", "ALL"}

func setLogger(c *call) (answer, error) {
	cfg, err := c.config()
	if err != nil {
		return answer{}, err
	}
	level, given := cfg.Get("level")
	if !given {
		return answer{}, BadRequest("Desired 'level' parameter was not specified in request.")
	}
	known := strings.ToUpper(level)
	if !slices.Contains(levels, known) {
		return answer{}, NotFound("invalid log level '" + level + "'.")
	}
	name := c.PathValue("logger")
	if strings.EqualFold(c.URL.Query().Get("scope"), "cluster") {
		return answer{status: http.StatusNoContent}, c.herder().SetClusterLoggerLevel(c.Context(), name, known)
	}
	return ok(stringList(c.herder().SetLoggerLevel(name, known))), nil // an unknown scope is that of the worker
}

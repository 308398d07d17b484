// SPDX-License-Identifier: Apache-2.0

package rest

import (
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/penstock-io/penstock/internal/java/text"
)

// connectors adds the resources below /connectors.
func (x *api) connectors(mux *http.ServeMux) {
	const one = "/connectors/{connector}"
	x.json(mux, "/connectors", map[string]method{"GET": listConnectors, "POST": createConnector}, "POST")
	x.json(mux, one, map[string]method{"GET": getConnector, "DELETE": deleteConnector})
	x.json(mux, one+"/config", map[string]method{"GET": getConfig, "PUT": putConfig, "PATCH": patchConfig}, "PUT", "PATCH")
	x.json(mux, one+"/status", map[string]method{"GET": getStatus})
	x.json(mux, one+"/restart", map[string]method{"POST": restartConnector})
	x.json(mux, one+"/pause", map[string]method{"PUT": target(Herder.PauseConnector, http.StatusAccepted)})
	x.json(mux, one+"/resume", map[string]method{"PUT": target(Herder.ResumeConnector, http.StatusAccepted)})
	x.json(mux, one+"/stop", map[string]method{"PUT": target(Herder.StopConnector, http.StatusNoContent)})
	x.tasks(mux, one)
	x.topics(mux, one)
	x.offsets(mux, one)
}

// expansion is the answer to GET /connectors?expand=...: per connector what was asked for.
type expansion []expanded

type expanded struct {
	name         string
	status, info body // nil = not asked for
}

func (e expansion) writeJSON(w *writer) {
	w.open('{')
	for _, x := range e {
		w.key(x.name)
		w.open('{')
		if x.status != nil {
			w.key("status")
			x.status.writeJSON(w)
		}
		if x.info != nil {
			w.key("info")
			x.info.writeJSON(w)
		}
		w.close('}')
	}
	w.close('}')
}

func listConnectors(c *call) (answer, error) {
	names := c.herder().Connectors()
	// Before the first assignment nobody knows yet whether there are none: who asks would create them again.
	if len(names) == 0 && !c.herder().Ready() {
		return answer{}, &Error{Status: http.StatusServiceUnavailable, Class: "org.apache.kafka.connect.runtime.rest.errors.ConnectRestException",
			Message: "This worker is still starting up and does not know its connectors yet"}
	}
	wanted, expand := c.URL.Query()["expand"]
	if !expand {
		return ok(stringList(names)), nil
	}
	var out expansion
	for _, at := range text.HashOrder(names) {
		x, err := expandOne(c.herder(), names[at], wanted)
		if e := (*Error)(nil); errors.As(err, &e) && e.Status == http.StatusNotFound {
			continue // deleted meanwhile, or without a status yet
		}
		if err != nil {
			return answer{}, err
		}
		out = append(out, x)
	}
	return ok(out), nil
}

func expandOne(h Herder, name string, wanted []string) (expanded, error) {
	x := expanded{name: name}
	for _, what := range wanted {
		switch what {
		case "status":
			s, err := h.ConnectorStatus(name)
			if err != nil {
				return x, err
			}
			x.status = s
		case "info":
			i, err := h.ConnectorInfo(name)
			if err != nil {
				return x, err
			}
			x.info = i
		}
	}
	return x, nil
}

func createConnector(c *call) (answer, error) {
	raw, err := c.body()
	if err != nil {
		return answer{}, BadRequest("The request body cannot be read: " + err.Error())
	}
	name, cfg, initial, err := parseCreateRequest(raw)
	if err != nil {
		return answer{}, err
	}
	if err := checkName(name, &cfg); err != nil {
		return answer{}, err
	}
	info, _, err := c.herder().PutConnector(c.Context(), name, cfg, initial, false)
	if err != nil {
		return answer{}, err
	}
	return answer{http.StatusCreated, "/connectors/" + name, info}, nil
}

// parseCreateRequest reads {"name", "config", "initial_state"} (CreateConnectorRequest).
func parseCreateRequest(raw []byte) (string, Config, TargetState, error) {
	members, err := parseMembers(raw, "name", "config", "initial_state")
	if err != nil {
		return "", Config{}, "", err
	}
	name, _, err := memberText(members, "name")
	if err != nil {
		return "", Config{}, "", err
	}
	if m, ok := members["config"]; !ok || string(m) == "null" {
		return "", Config{}, "", BadRequest("The request has no 'config'; a JSON object of strings is expected")
	}
	cfg, err := parseStringMap(members["config"])
	if err != nil {
		return "", Config{}, "", err
	}
	state, given, err := memberText(members, "initial_state")
	if err != nil {
		return "", Config{}, "", err
	}
	var initial TargetState
	if given {
		switch strings.ToUpper(state) {
		case "RUNNING":
			initial = TargetStarted
		case "PAUSED":
			initial = TargetPaused
		case "STOPPED":
			initial = TargetStopped
		default:
			return "", Config{}, "", BadRequest("Unknown initial_state " + state + "; RUNNING, PAUSED and STOPPED are valid")
		}
	}
	return text.Trim(name), cfg, initial, nil
}

// checkName makes sure that the configuration names the connector, and no other.
func checkName(name string, cfg *Config) error {
	included, ok := cfg.Get("name")
	switch {
	case !ok:
		cfg.Set("name", name)
	case included != name:
		return BadRequest("Connector name configuration (" + included + ") doesn't match connector name in the URL (" + name + ")")
	}
	return nil
}

func getConnector(c *call) (answer, error) {
	info, err := c.herder().ConnectorInfo(c.connector())
	return ok(info), err
}

func deleteConnector(c *call) (answer, error) {
	return answer{status: http.StatusNoContent}, c.herder().DeleteConnector(c.Context(), c.connector())
}

func getConfig(c *call) (answer, error) {
	info, err := c.herder().ConnectorInfo(c.connector())
	return ok(info.Config), err
}

func putConfig(c *call) (answer, error) {
	cfg, err := c.config()
	if err != nil {
		return answer{}, err
	}
	name := c.connector()
	if err := checkName(name, &cfg); err != nil {
		return answer{}, err
	}
	info, created, err := c.herder().PutConnector(c.Context(), name, cfg, "", true)
	if err != nil {
		return answer{}, err
	}
	if created {
		return answer{http.StatusCreated, "/connectors/" + name, info}, nil
	}
	return ok(info), nil
}

func patchConfig(c *call) (answer, error) {
	patch, err := c.config()
	if err != nil {
		return answer{}, err
	}
	info, err := c.herder().PatchConnector(c.Context(), c.connector(), patch)
	return ok(info), err
}

func getStatus(c *call) (answer, error) {
	s, err := c.herder().ConnectorStatus(c.connector())
	s.Tasks = slices.Clone(s.Tasks)
	slices.SortFunc(s.Tasks, func(a, b TaskState) int { return a.ID - b.ID })
	return ok(s), err
}

func restartConnector(c *call) (answer, error) {
	r := RestartRequest{Connector: c.connector(), IncludeTasks: c.flag("includeTasks"), OnlyFailed: c.flag("onlyFailed")}
	if !r.IncludeTasks && !r.OnlyFailed {
		return answer{status: http.StatusNoContent}, c.herder().RestartConnector(c.Context(), r.Connector)
	}
	s, err := c.herder().RestartConnectorAndTasks(c.Context(), r)
	return answer{status: http.StatusAccepted, body: s}, err
}

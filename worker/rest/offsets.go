// SPDX-License-Identifier: Apache-2.0

package rest

import (
	"bytes"
	"encoding/json"
	"net/http"
)

// offsets adds the offsets of a connector (KIP-875).
func (x *api) offsets(mux *http.ServeMux, one string) {
	x.json(mux, one+"/offsets", map[string]method{"GET": getOffsets, "PATCH": patchOffsets, "DELETE": deleteOffsets}, "PATCH")
}

// connectorOffsets is {"offsets": [...]}.
type connectorOffsets []Offset

func (o connectorOffsets) writeJSON(w *writer) {
	w.open('{')
	w.key("offsets")
	list[Offset](o).writeJSON(w)
	w.close('}')
}

func getOffsets(c *call) (answer, error) {
	o, err := c.herder().Offsets(c.Context(), c.connector())
	return ok(connectorOffsets(o)), err
}

func patchOffsets(c *call) (answer, error) {
	raw, err := c.body()
	if err != nil {
		return answer{}, BadRequest("The request body cannot be read: " + err.Error())
	}
	o, err := parseOffsets(raw)
	if err != nil {
		return answer{}, err
	}
	if len(o) == 0 {
		return answer{}, BadRequest("Partitions / offsets need to be provided for an alter offsets request")
	}
	m, err := c.herder().AlterOffsets(c.Context(), c.connector(), o)
	return ok(message(m)), err
}

func deleteOffsets(c *call) (answer, error) {
	m, err := c.herder().ResetOffsets(c.Context(), c.connector())
	return ok(message(m)), err
}

// parseOffsets reads {"offsets": [{"partition": {...}, "offset": {...} or null}, ...]}. An absent member is null.
func parseOffsets(raw []byte) ([]Offset, error) {
	members, err := parseMembers(raw, "offsets")
	if err != nil {
		return nil, err
	}
	if m, ok := members["offsets"]; !ok || string(m) == "null" {
		return nil, nil
	}
	var entries []json.RawMessage
	if err := json.Unmarshal(members["offsets"], &entries); err != nil {
		return nil, BadRequest("The value of 'offsets' must be a JSON array")
	}
	out := make([]Offset, 0, len(entries))
	for _, e := range entries {
		if string(e) == "null" {
			return nil, BadRequest("The entries of 'offsets' must be JSON objects with 'partition' and 'offset'")
		}
		m, err := parseMembers(e, "partition", "offset")
		if err != nil {
			return nil, err
		}
		p, err := objectOrNull("partition", m["partition"])
		if err != nil {
			return nil, err
		}
		o, err := objectOrNull("offset", m["offset"])
		if err != nil {
			return nil, err
		}
		out = append(out, Offset{p, o})
	}
	return out, nil
}

// objectOrNull returns a JSON object, or nil for null.
func objectOrNull(name string, raw json.RawMessage) (json.RawMessage, error) {
	raw = bytes.TrimSpace(raw)
	switch {
	case len(raw) == 0, string(raw) == "null":
		return nil, nil
	case raw[0] != '{':
		return nil, BadRequest("The value of '" + name + "' must be a JSON object or null")
	}
	return raw, nil
}

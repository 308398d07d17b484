// SPDX-License-Identifier: Apache-2.0

package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// CreateRequest is what it takes to create a connector: a connector file, or the
// body of POST /connectors.
type CreateRequest struct {
	Name string
	// Config always holds "name". Values may be null.
	Config Props
	// InitialState is "RUNNING", "PAUSED", "STOPPED", or "" when none was given.
	InitialState string
}

// ConnectorFileError is a connector file that cannot be used.
type ConnectorFileError struct {
	File    string
	Message string
}

// Error returns the message, which names the file.
func (e *ConnectorFileError) Error() string { return e.Message }

// JavaClass returns the class of the exception that Connect throws.
func (e *ConnectorFileError) JavaClass() string {
	return "org.apache.kafka.connect.errors.ConnectException"
}

// maxConnectorFileBytes bounds a connector file.
const maxConnectorFileBytes = 64 << 20

// LoadConnectorFile reads a connector file as connect-standalone does (KIP-980): as
// a flat JSON object of strings, else as a JSON create request, else as .properties.
func LoadConnectorFile(path string) (CreateRequest, error) {
	f, err := os.Open(path)
	if err != nil {
		return CreateRequest{}, err
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, maxConnectorFileBytes+1))
	if err != nil {
		return CreateRequest{}, fmt.Errorf("read %s: %w", path, err)
	}
	if len(raw) > maxConnectorFileBytes {
		return CreateRequest{}, &ConnectorFileError{path, path + " is larger than 64 MiB"}
	}
	return ParseConnectorFile(path, raw)
}

// ParseConnectorFile is LoadConnectorFile for content at hand; path is for errors.
func ParseConnectorFile(path string, raw []byte) (CreateRequest, error) {
	if flat, err := ParseStringMap(raw); err == nil {
		return flatRequest(path, flat)
	}
	req, err := parseCreateRequest(raw)
	if ce := (*Error)(nil); errors.As(err, &ce) {
		return CreateRequest{}, &ConnectorFileError{path, "Connector configuration at '" + path + "': " + ce.Message}
	}
	if err == nil {
		name, ok := req.Config.Get("name")
		if ok && name != req.Name {
			return CreateRequest{}, &ConnectorFileError{path,
				"Connector name configuration in 'config' doesn't match the one specified in 'name' at '" + path + "'"}
		}
		req.Config["name"] = &req.Name
		return req, nil
	}
	p, err := ParseProperties(bytes.NewReader(raw), Latin1)
	if err != nil {
		if pe := (*PropertiesError)(nil); errors.As(err, &pe) {
			pe.File = path
		}
		return CreateRequest{}, err
	}
	req, err = flatRequest(path, p.Props())
	if fe := (*ConnectorFileError)(nil); errors.As(err, &fe) && strings.HasPrefix(strings.TrimSpace(string(raw)), "{") {
		fe.Message += "; it was read as properties, because it is neither a JSON object of strings nor a create request"
	}
	return req, err
}

func flatRequest(path string, flat Props) (CreateRequest, error) {
	if _, ok := flat["name"]; !ok {
		return CreateRequest{}, &ConnectorFileError{path,
			"Connector configuration at '" + path + "' is missing the mandatory 'name' configuration"}
	}
	name, _ := flat.Get("name")
	return CreateRequest{Name: name, Config: flat}, nil
}

// errNotFlat tells that JSON is fine but not of the wanted shape.
var errNotFlat = errors.New("not an object of scalars")

// ParseStringMap reads a JSON object as Jackson reads a Map<String, String>: numbers
// keep their text, true and false become words, null stays null, an object or array
// as a value is an error. The last of duplicate names wins.
func ParseStringMap(raw []byte) (Props, error) {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	p, err := readStringMap(dec)
	if err != nil {
		return nil, err
	}
	// Jackson ignores what follows, and so does this: editors leave odd ends.
	return p, nil
}

func readStringMap(dec *json.Decoder) (Props, error) {
	t, err := dec.Token()
	if err != nil {
		return nil, err
	}
	if t != json.Delim('{') {
		return nil, errNotFlat
	}
	p := Props{}
	for dec.More() {
		t, err := dec.Token()
		if err != nil {
			return nil, err
		}
		key, _ := t.(string)
		if t, err = dec.Token(); err != nil {
			return nil, err
		}
		v, null, err := scalarText(t)
		if err != nil {
			return nil, err
		}
		if p[key] = &v; null {
			p[key] = nil
		}
	}
	_, err = dec.Token()
	return p, err
}

func scalarText(t json.Token) (s string, null bool, err error) {
	switch t := t.(type) {
	case nil:
		return "", true, nil
	case string:
		return t, false, nil
	case json.Number:
		return t.String(), false, nil
	case bool:
		return display(t), false, nil
	}
	return "", false, errNotFlat
}

// parseCreateRequest reads {"name", "config", "initial_state"}; other members are
// passed over, as DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES=false does.
func parseCreateRequest(raw []byte) (CreateRequest, error) {
	dec := json.NewDecoder(bytes.NewReader(raw))
	var members map[string]json.RawMessage
	if err := dec.Decode(&members); err != nil {
		return CreateRequest{}, err
	}
	var req CreateRequest
	var err error
	if req.Name, err = memberText(members["name"]); err != nil {
		return CreateRequest{}, err
	}
	if req.Config, err = ParseStringMap(members["config"]); err != nil {
		return CreateRequest{}, err
	}
	state, err := memberText(members["initial_state"])
	if err != nil {
		return CreateRequest{}, err
	}
	req.InitialState = strings.ToUpper(state)
	switch req.InitialState {
	case "", "RUNNING", "PAUSED", "STOPPED":
		return req, nil
	}
	return CreateRequest{}, Plain("initial_state", "Unknown initial_state "+state+"; RUNNING, PAUSED and STOPPED are valid")
}

func memberText(raw json.RawMessage) (string, error) {
	if raw == nil {
		return "", nil
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	t, err := dec.Token()
	if err != nil {
		return "", err
	}
	s, _, err := scalarText(t)
	return s, err
}

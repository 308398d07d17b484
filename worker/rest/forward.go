// SPDX-License-Identifier: Apache-2.0

package rest

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// Elsewhere is the error of a Herder that a request is for another worker: the leader, or the one that runs a connector or
// a task. The API passes the request on to it, once or twice, as Connect does (HerderRequestHandler).
type Elsewhere struct {
	// URL is the REST URL of that worker, "" when it is not known.
	URL string
	// Message says why, for a request that cannot be passed on.
	Message string
}

// Error is the message.
func (e *Elsewhere) Error() string { return e.Message }

// Peers is what a Herder offers to other workers of its cluster. One that does not implement it stands alone.
type Peers interface {
	// PutTasks takes the task configurations of a connector from the worker that runs it. body is the request's, which
	// sig signs.
	PutTasks(c PeerCall, connector string) error
	// Fence runs a round of zombie fencing for the worker that wants to start a task.
	Fence(c PeerCall, connector string) error
}

// PeerCall is a request of another worker.
type PeerCall struct {
	*http.Request
	// Raw is the body as it came, which the signature is about.
	Raw []byte
}

// forwardParam tells how often a request may still be passed on: absent, it may be and so may be the next; true, it may be
// for the last time; false, it must be answered.
const forwardParam = "forward"

// hopHeaders are those of a request that go with it.
var hopHeaders = []string{"Authorization", "Content-Type", "Accept"}

// forward passes a request on.
func (res *resource) forward(w http.ResponseWriter, r *http.Request, body []byte, to *Elsewhere) {
	query := r.URL.Query()
	allowed := query.Get(forwardParam)
	if to.URL == "" || strings.EqualFold(allowed, "false") {
		res.fail(w, r, Conflict("Cannot complete request because of a conflicting operation (e.g. worker rebalance)"))
		return
	}
	query.Set(forwardParam, strconv.FormatBool(allowed == ""))
	target := strings.TrimSuffix(to.URL, "/") + r.URL.EscapedPath() + "?" + query.Encode()
	req, err := http.NewRequestWithContext(r.Context(), r.Method, target, bytes.NewReader(body))
	if err != nil {
		res.fail(w, r, Internal("Cannot forward the request: "+err.Error()))
		return
	}
	for _, h := range hopHeaders {
		if v := r.Header.Values(h); len(v) > 0 {
			req.Header[h] = v
		}
	}
	res.log.Debug("forwarding request", slog.String("method", r.Method), slog.String("url", target))
	client := res.api.Forward
	if client == nil {
		client = http.DefaultClient
	}
	resp, err := client.Do(req)
	if err != nil {
		res.fail(w, r, Internal("IO Error trying to forward REST request: "+err.Error()))
		return
	}
	defer resp.Body.Close()
	h := w.Header()
	h["Content-Type"] = nil
	for _, name := range []string{"Content-Type", "Content-Length"} {
		if v := resp.Header.Values(name); len(v) > 0 {
			h[name] = v
		}
	}
	if at, err := url.Parse(resp.Header.Get("Location")); err == nil && at.Path != "" {
		h.Set("Location", baseURL(r)+at.EscapedPath())
	}
	w.WriteHeader(resp.StatusCode)
	if _, err := io.Copy(w, resp.Body); err != nil && !errors.Is(err, r.Context().Err()) {
		res.log.Warn("the answer to a forwarded request broke off", slog.Any("err", err))
	}
}

// ParseTaskConfigs reads the body of a PutTasks: a list of maps from string to string.
func ParseTaskConfigs(raw []byte) ([]Config, error) {
	var items []json.RawMessage
	if err := json.Unmarshal(raw, &items); err != nil {
		return nil, notJSON(err)
	}
	out := make([]Config, 0, len(items))
	for _, item := range items {
		c, err := parseStringMap(item)
		if err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	return out, nil
}

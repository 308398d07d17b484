// SPDX-License-Identifier: Apache-2.0

package worker

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/md5"  //nolint:gosec // a name that Connect accepts
	"crypto/rand" // session keys
	"crypto/sha1" //nolint:gosec // a name that Connect accepts
	"crypto/sha256"
	"crypto/sha512"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"hash"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/config"
	"github.com/penstock-io/penstock/internal/java/jackson"
	"github.com/penstock-io/penstock/worker/group"
	"github.com/penstock-io/penstock/worker/rest"
	"github.com/penstock-io/penstock/worker/store"
)

// Headers of a signed request (InternalRequestSignature, KIP-507).
const (
	signatureHeader = "X-Connect-Authorization"
	algorithmHeader = "X-Connect-Request-Signature-Algorithm"
)

// mac is a message authentication code by the name that Java gives it, with the length of key that Java generates.
type mac struct {
	new func() hash.Hash
	key int // bytes
}

var macs = map[string]mac{
	"HmacSHA256": {sha256.New, 32},
	"HmacSHA384": {sha512.New384, 48},
	"HmacSHA512": {sha512.New, 64},
	"HmacSHA224": {sha256.New224, 28},
	"HmacSHA1":   {sha1.New, 64},
	"HmacMD5":    {md5.New, 64},
}

// sign is the code of a body.
func sign(algorithm string, key, body []byte) ([]byte, error) {
	m, ok := macs[algorithm]
	if !ok {
		return nil, fmt.Errorf("the signature algorithm %s is not supported: use HmacSHA256, HmacSHA384 or HmacSHA512", algorithm)
	}
	h := hmac.New(m.new, key)
	h.Write(body)
	return h.Sum(nil), nil
}

// peerClient sends requests to other workers.
type peerClient struct{ http *http.Client }

// newPeerClient makes the client, with the TLS settings of the worker's own listeners.
func newPeerClient(cfg *Config) (*peerClient, error) {
	var t *tls.Config
	for _, l := range cfg.Values.List("listeners") {
		if strings.HasPrefix(lower(l), "https:") {
			var err error
			if t, err = cfg.clientTLS(); err != nil {
				return nil, err
			}
		}
	}
	return &peerClient{&http.Client{
		Transport:     &http.Transport{TLSClientConfig: t, MaxIdleConnsPerHost: 4, IdleConnTimeout: 30 * time.Second},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// choreDue says that the leader has something to do: claim its rights, or hand out a new session key.
func (d *Distributed) choreDue() bool { return d.fenced.Load() || d.keyDue() }

// keyDue says that the session key is missing, old, or of another kind than this leader makes (checkForKeyRotation).
func (d *Distributed) keyDue() bool {
	_, generation, protocol, _, leader := d.member.Now()
	if !leader || generation < 0 || protocol != group.Sessioned || d.member.RejoinPending() {
		return false
	}
	k := d.configs.Snapshot().Session
	if k == nil {
		return true
	}
	algorithm, size := d.keyKind()
	ttl := time.Duration(d.cfg.Values.Int("inter.worker.key.ttl.ms")) * time.Millisecond
	return k.Algorithm != algorithm || len(k.Key) != size || time.Since(time.UnixMilli(k.Created)) >= ttl
}

func (d *Distributed) keyKind() (algorithm string, size int) {
	algorithm = d.cfg.Values.String("inter.worker.key.generation.algorithm")
	size = macs[algorithm].key
	if !d.cfg.Values.IsNull("inter.worker.key.size") {
		size = (d.cfg.Values.Int("inter.worker.key.size") + 7) / 8
	}
	return algorithm, size
}

// chores are what a leader does on the side.
func (d *Distributed) chores() {
	if _, _, _, _, leader := d.member.Now(); !leader {
		d.fenced.Store(false)
		return
	}
	if d.fenced.Load() {
		if err := d.configs.Claim(d.ctx); err != nil {
			d.log.Warn("the rights of the leader could not be claimed; it is tried again", slog.Any("err", err))
			return
		}
		d.fenced.Store(false)
	}
	if !d.keyDue() {
		return
	}
	algorithm, size := d.keyKind()
	key := make([]byte, size)
	_, _ = rand.Read(key)
	d.log.Debug("distributing a new session key")
	if err := d.leaderWrite(d.configs.PutSession(d.ctx, store.SessionKey{Key: key, Algorithm: algorithm, Created: time.Now().UnixMilli()})); err != nil {
		d.log.Info("failed to write a new session key to the config topic; it is tried again", slog.Any("err", err))
	}
}

// checkSignature refuses a request of another worker that is not signed as this cluster signs.
func (d *Distributed) checkSignature(c rest.PeerCall) error {
	if _, err := d.snapshot(); err != nil {
		return err
	}
	if _, _, protocol, _, _ := d.member.Now(); protocol != group.Sessioned {
		return nil
	}
	text, algorithm := c.Header.Get(signatureHeader), c.Header.Get(algorithmHeader)
	if text == "" || algorithm == "" {
		return rest.BadRequest("Internal request missing required signature")
	}
	given, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return rest.BadRequest(err.Error())
	}
	allowed := d.cfg.Values.List("inter.worker.verification.algorithms")
	if !slices.Contains(allowed, algorithm) {
		return rest.BadRequest(fmt.Sprintf("This worker does not support the '%s' key signing algorithm used by other workers. This worker is "+
			"currently configured to use: %s. Check that all workers' configuration files permit the same set of signature algorithms, "+
			"and correct any misconfigured worker and restart it.", algorithm, "["+strings.Join(allowed, ", ")+"]"))
	}
	const class = "org.apache.kafka.connect.runtime.rest.errors.ConnectRestException"
	k := d.configs.Snapshot().Session
	if k == nil {
		return &rest.Error{Status: http.StatusServiceUnavailable, Class: class, Message: "This worker is still starting up and has not been " +
			"able to read a session key from the config topic yet"}
	}
	want, err := sign(algorithm, k.Key, c.Raw)
	if err != nil {
		return rest.BadRequest(err.Error())
	}
	if !hmac.Equal(want, given) {
		return &rest.Error{Status: http.StatusForbidden, Class: class, Message: "Internal request contained invalid signature."}
	}
	return nil
}

// PutTasks implements rest.Peers.
func (d *Distributed) PutTasks(c rest.PeerCall, name string) error {
	if err := d.checkSignature(c); err != nil {
		return err
	}
	configs, err := rest.ParseTaskConfigs(c.Raw)
	if err != nil {
		return err
	}
	if err := d.lead("Only the leader may write task configurations."); err != nil {
		return err
	}
	tasks := make([]config.Props, len(configs))
	for i, t := range configs {
		tasks[i] = t.Props()
	}
	return d.writeTasksHere(c.Context(), name, tasks)
}

func (d *Distributed) writeTasksHere(ctx context.Context, name string, tasks []config.Props) error {
	release, err := d.writes(ctx)
	if err != nil {
		return err
	}
	defer release()
	if d.configs.Snapshot().Connector(name) == nil {
		return notFound(name)
	}
	return d.leaderWrite(d.configs.PutTasks(ctx, name, tasks))
}

// writeTasks writes a set of task configurations, through the leader.
func (d *Distributed) writeTasks(ctx context.Context, name string, tasks []config.Props) error {
	_, _, _, leaderURL, leader := d.member.Now()
	if leader {
		return d.writeTasksHere(ctx, name, tasks)
	}
	body := []byte{'['}
	for i, t := range tasks {
		if i > 0 {
			body = append(body, ',')
		}
		body = appendStringMap(body, t)
	}
	return d.peerCall(ctx, http.MethodPost, leaderURL, "/connectors/"+url.PathEscape(name)+"/tasks", append(body, ']'))
}

func appendStringMap(dst []byte, p config.Props) []byte {
	dst = append(dst, '{')
	for i, k := range propsConfig(p).Keys() {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(jackson.AppendString(dst, k), ':')
		if v := p[k]; v != nil {
			dst = jackson.AppendString(dst, *v)
		} else {
			dst = append(dst, "null"...)
		}
	}
	return append(dst, '}')
}

// peerCall sends a signed request to another worker. What it refuses is an error with its words.
func (d *Distributed) peerCall(ctx context.Context, method, base, path string, body []byte) error {
	if base == "" {
		return errors.New("the leader of the cluster is not known")
	}
	req, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(base, "/")+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "penstock")
	if len(body) > 0 {
		req.Header.Set("Content-Type", "application/json")
	}
	if k := d.configs.Snapshot().Session; k != nil {
		algorithm := d.cfg.Values.String("inter.worker.signature.algorithm")
		sum, err := sign(algorithm, k.Key, body)
		if err != nil {
			return err
		}
		req.Header.Set(signatureHeader, base64.StdEncoding.EncodeToString(sum))
		req.Header.Set(algorithmHeader, algorithm)
	}
	resp, err := d.peer.http.Do(req)
	if err != nil {
		return fmt.Errorf("request to the worker at %s: %w", base, err)
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	if resp.StatusCode >= http.StatusBadRequest {
		return &batch.Fault{Class: "org.apache.kafka.connect.runtime.rest.errors.ConnectRestException",
			Message: fmt.Sprintf("the worker at %s answered %d to %s %s: %s", base, resp.StatusCode, method, path, text)}
	}
	return nil
}

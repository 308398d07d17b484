// SPDX-License-Identifier: Apache-2.0

// Package registry speaks to a schema registry (Confluent's API), for the converters that need one.
//
// A Client is shared by everyone in the process who asks for the same addresses with the same credentials (Open), and
// remembers what never changes: the schema of an id, the id of a schema under a subject. Concurrent questions for one
// thing are one request. An address that cannot be reached, or answers that it is in trouble, gives way to the next.
//
//	id ──Schema──► text, with what it refers to      subject + text ──Register, Lookup──► id
package registry

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/sr"
)

// Config says which registry to use, and how.
type Config struct {
	URLs     []string      // schema.registry.url, tried in turn; credentials in them count when there are no others
	User     string        // basic.auth.user.info, before the colon; "" for none
	Password string        // and behind it
	Bearer   string        // bearer.auth.token; "" for none
	TLS      *tls.Config   // nil: Go's defaults; shared clients are told apart by its address
	Timeout  time.Duration // of one request; 0: one minute
	Retries  int           // max.retries: further rounds through the addresses after the first
	Wait     time.Duration // retries.wait.ms: before the second round, doubled from round to round
	MaxWait  time.Duration // retries.max.wait.ms; 0: twenty seconds
	Limit    int           // how many ids, and how many schemas, are remembered; 0: 10,000
}

// Schema is a schema as the registry holds it.
type Schema struct {
	Text       string
	Type       string      // AVRO, PROTOBUF or JSON
	References []Reference // what it refers to, directly
}

// Reference is a schema that another refers to by a name.
type Reference struct {
	Name, Subject string
	Version       int
}

// Error is an answer of the registry that is no success, or that there was none. Its text has no credentials.
type Error struct {
	Status int // of HTTP; 0: no answer
	Code   int // error_code, for example 40403: no such schema
	Text   string
	cause  error
}

// Error is the message with the codes, as Confluent's RestClientException prints them.
func (e *Error) Error() string {
	if e.Status == 0 {
		return e.Text
	}
	return fmt.Sprintf("%s; error code: %d", e.Text, e.Code)
}

// Unwrap is what went wrong beneath, nil for an answer.
func (e *Error) Unwrap() error { return e.cause }

// Retriable reports that the same question may be answered later: no answer, or one that speaks of trouble.
func (e *Error) Retriable() bool {
	return e.Status == 0 || e.Status >= 500 || e.Status == http.StatusTooManyRequests || e.Status == http.StatusRequestTimeout
}

// absentFor is how long an id that the registry did not know is taken as unknown without asking again.
const absentFor = 5 * time.Second

// Client is a registry. It is safe for concurrent use.
type Client struct {
	conf    Config
	peers   []*sr.Client // one an address
	current atomic.Int32 // the address that answered last
	schemas memo[int, Schema]
	latest  memo[string, registered]
	ids     memo[idKey, int]
}

type registered struct {
	id     int
	schema Schema
}

type idKey struct {
	subject, text, refs string
	create, normalize   bool
}

var shared struct {
	sync.Mutex
	clients map[string]*Client
}

// Open gives the client for a configuration: the one that is there already for the same addresses and credentials, or a
// new one. It does not speak to the registry.
func Open(c Config) (*Client, error) {
	key := fmt.Sprintf("%q %q %q %q %p", c.URLs, c.User, c.Password, c.Bearer, c.TLS)
	shared.Lock()
	defer shared.Unlock()
	if cl := shared.clients[key]; cl != nil {
		return cl, nil
	}
	cl, err := newClient(c)
	if err != nil {
		return nil, err
	}
	if shared.clients == nil {
		shared.clients = map[string]*Client{}
	}
	shared.clients[key] = cl
	return cl, nil
}

func newClient(c Config) (*Client, error) {
	if len(c.URLs) == 0 {
		return nil, errors.New("schema.registry.url: at least one address is needed")
	}
	if c.Timeout == 0 {
		c.Timeout = time.Minute
	}
	if c.MaxWait == 0 {
		c.MaxWait = 20 * time.Second
	}
	if c.Limit == 0 {
		c.Limit = 10_000
	}
	cl := &Client{conf: c}
	cl.schemas.limit, cl.latest.limit, cl.ids.limit = c.Limit, c.Limit, c.Limit
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = c.TLS
	for _, text := range c.URLs {
		address, err := url.Parse(strings.TrimSpace(text))
		if err != nil || address.Host == "" {
			return nil, errors.New("schema.registry.url: an address is not of the form http://host:port")
		}
		user, password := c.User, c.Password
		if in := address.User; in != nil && user == "" {
			user = in.Username()
			password, _ = in.Password()
		}
		address.User = nil // addresses are shown in messages
		opts := []sr.ClientOpt{sr.URLs(address.String()), sr.UserAgent("penstock"),
			sr.HTTPClient(&http.Client{Timeout: c.Timeout, Transport: transport})}
		switch {
		case c.Bearer != "":
			opts = append(opts, sr.BearerToken(c.Bearer))
		case user != "":
			opts = append(opts, sr.BasicAuth(user, password))
		}
		peer, err := sr.NewClient(opts...)
		if err != nil {
			return nil, fmt.Errorf("schema.registry.url: %w", err)
		}
		cl.peers = append(cl.peers, peer)
	}
	return cl, nil
}

// try asks the addresses in turn, from the one that answered last, round after round.
func (cl *Client) try(ctx context.Context, ask func(peer *sr.Client) error) error {
	wait := cl.conf.Wait
	for round := 0; ; round++ {
		first := int(cl.current.Load())
		var failed *Error
		for i := range cl.peers {
			k := (first + i) % len(cl.peers)
			err := ask(cl.peers[k])
			if err == nil {
				cl.current.Store(int32(k))
				return nil
			}
			if failed = asError(err); !failed.Retriable() {
				return failed
			}
		}
		if round >= cl.conf.Retries || ctx.Err() != nil {
			return failed
		}
		select {
		case <-ctx.Done():
			return failed
		case <-time.After(wait):
		}
		wait = min(2*wait, cl.conf.MaxWait)
	}
}

func asError(err error) *Error {
	var r *sr.ResponseError
	if !errors.As(err, &r) {
		return &Error{Text: err.Error(), cause: err}
	}
	e := &Error{Status: r.StatusCode, Code: r.ErrorCode, Text: r.Message}
	if e.Code == 0 {
		e.Code = r.StatusCode
	}
	if e.Text == "" {
		e.Text = http.StatusText(r.StatusCode)
	}
	return e
}

// Schema is the schema of an id. That an id is unknown is remembered for a few seconds.
func (cl *Client) Schema(ctx context.Context, id int) (Schema, error) {
	return cl.schemas.get(id, 0, func() (s Schema, err error) {
		err = cl.try(ctx, func(peer *sr.Client) error {
			got, err := peer.SchemaByID(ctx, id)
			s = fromWire(got)
			return err
		})
		return s, err
	})
}

// Latest is the newest schema of a subject and its id, at most maxAge old.
func (cl *Client) Latest(ctx context.Context, subject string, maxAge time.Duration) (Schema, int, error) {
	r, err := cl.latest.get(subject, maxAge, func() (r registered, err error) {
		r, err = cl.version(ctx, subject, -1)
		return r, err
	})
	return r.schema, r.id, err
}

func (cl *Client) version(ctx context.Context, subject string, version int) (r registered, err error) {
	err = cl.try(ctx, func(peer *sr.Client) error {
		got, err := peer.SchemaByVersion(ctx, subject, version)
		r = registered{got.ID, fromWire(got.Schema)}
		return err
	})
	return r, err
}

// Resolve is everything that a schema refers to, directly or not, in an order in which each comes behind what it refers
// to itself; a subject and version comes once.
func (cl *Client) Resolve(ctx context.Context, s Schema) ([]Schema, error) {
	var out []Schema
	seen := map[Reference]bool{}
	var visit func(refs []Reference) error
	visit = func(refs []Reference) error {
		for _, ref := range refs {
			key := Reference{Subject: ref.Subject, Version: ref.Version}
			if seen[key] {
				continue
			}
			seen[key] = true
			r, err := cl.version(ctx, ref.Subject, ref.Version)
			if err != nil {
				return err
			}
			if err := visit(r.schema.References); err != nil {
				return err
			}
			out = append(out, r.schema)
		}
		return nil
	}
	return out, visit(s.References)
}

// Register is the id of a schema under a subject, where it is put if it is not there yet (auto.register.schemas).
func (cl *Client) Register(ctx context.Context, subject string, s Schema, normalize bool) (int, error) {
	return cl.id(ctx, idKey{subject, s.Text, fmt.Sprint(s.References), true, normalize}, s)
}

// Lookup is the id of a schema that must be under a subject already.
func (cl *Client) Lookup(ctx context.Context, subject string, s Schema, normalize bool) (int, error) {
	return cl.id(ctx, idKey{subject, s.Text, fmt.Sprint(s.References), false, normalize}, s)
}

func (cl *Client) id(ctx context.Context, key idKey, s Schema) (int, error) {
	return cl.ids.get(key, 0, func() (id int, err error) {
		ctx := ctx
		if key.normalize {
			ctx = sr.WithParams(ctx, sr.Normalize)
		}
		err = cl.try(ctx, func(peer *sr.Client) (err error) {
			if key.create {
				id, err = peer.RegisterSchema(ctx, key.subject, toWire(s), -1, -1)
				return err
			}
			got, err := peer.LookupSchema(ctx, key.subject, toWire(s))
			id = got.ID
			return err
		})
		return id, err
	})
}

func fromWire(s sr.Schema) Schema {
	out := Schema{Text: s.Schema, Type: s.Type.String()}
	for _, r := range s.References {
		out.References = append(out.References, Reference(r))
	}
	return out
}

func toWire(s Schema) sr.Schema {
	out := sr.Schema{Schema: s.Text}
	i := slices.Index([]string{"AVRO", "PROTOBUF", "JSON"}, s.Type)
	out.Type = sr.SchemaType(max(i, 0))
	for _, r := range s.References {
		out.References = append(out.References, sr.SchemaReference(r))
	}
	return out
}

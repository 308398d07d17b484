// SPDX-License-Identifier: Apache-2.0

package rest

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/penstock-io/penstock/config"
)

// ServerOptions are the settings of the REST server (RestServerConfig).
type ServerOptions struct {
	// Listeners are URIs such as http://:8083.
	Listeners []string
	// AdminListeners carry /admin/loggers. Nil: the main listeners do; empty: nobody does.
	AdminListeners *[]string
	// AdvertisedHost, AdvertisedPort and AdvertisedListener replace parts of the advertised URL; zero values do not.
	AdvertisedHost     string
	AdvertisedPort     int
	AdvertisedListener string
	// AllowOrigin and AllowMethods are the CORS settings; CORS is off without an origin.
	AllowOrigin, AllowMethods string
	// ResponseHeaders is response.http.headers.config.
	ResponseHeaders string
	// TLS makes the settings of https listeners; admin asks for those of the admin listeners. Nil: https is refused.
	TLS func(admin bool) (*tls.Config, error)
	Log *slog.Logger
}

// Server is a REST server. It listens from Listen on and answers from Serve on.
type Server struct {
	o          ServerOptions
	main       []*listener
	admin      []*listener
	advertised string
	servers    []*http.Server
	wg         sync.WaitGroup
}

// listener is one bound address.
type listener struct {
	net.Listener
	scheme, host string
}

// Listen binds all listeners. A taken port or a wrong URI is an error that names it.
func Listen(o ServerOptions) (*Server, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	s := &Server{o: o}
	var err error
	if s.main, err = bindAll("listeners", o.Listeners, false, o.TLS); err != nil {
		return nil, err
	}
	if o.AdminListeners != nil {
		if s.admin, err = bindAll("admin.listeners", *o.AdminListeners, true, o.TLS); err != nil {
			closeAll(s.main)
			return nil, err
		}
	}
	if _, err := parseHeaderRules(o.ResponseHeaders); err != nil {
		closeAll(s.main)
		closeAll(s.admin)
		return nil, err
	}
	s.advertised = s.advertise()
	return s, nil
}

func closeAll(ls []*listener) {
	for _, l := range ls {
		_ = l.Close()
	}
}

func bindAll(key string, uris []string, admin bool, tlsFor func(bool) (*tls.Config, error)) ([]*listener, error) {
	var out []*listener
	for _, uri := range uris {
		l, err := bind(key, uri, admin, tlsFor)
		if err != nil {
			closeAll(out)
			return nil, err
		}
		out = append(out, l)
	}
	return out, nil
}

func bind(key, uri string, admin bool, tlsFor func(bool) (*tls.Config, error)) (*listener, error) {
	scheme, host, port, err := parseListener(key, uri)
	if err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(port)))
	if err != nil {
		return nil, fmt.Errorf("unable to initialize REST server: listen on %s (%s): %w", uri, key, err)
	}
	if scheme == "https" {
		if tlsFor == nil {
			_ = l.Close()
			return nil, config.Invalid(key, uri, "https is not supported here")
		}
		c, err := tlsFor(admin)
		if err != nil {
			_ = l.Close()
			return nil, fmt.Errorf("set up TLS of %s: %w", uri, err)
		}
		l = tls.NewListener(l, c)
	}
	return &listener{l, scheme, host}, nil
}

// parseListener splits protocol://hostname:port; the hostname may be empty or in brackets.
func parseListener(key, uri string) (scheme, host string, port int, err error) {
	wrong := config.Invalid(key, uri, "Listener doesn't have the right format (protocol://hostname:port).")
	scheme, rest, found := strings.Cut(strings.TrimSpace(uri), "://")
	at := strings.LastIndexByte(rest, ':')
	if !found || at < 0 {
		return "", "", 0, wrong
	}
	scheme = strings.ToLower(scheme)
	if scheme != "http" && scheme != "https" {
		return "", "", 0, config.Invalid(key, uri, `Listener protocol must be either "http" or "https".`)
	}
	host = strings.TrimSuffix(strings.TrimPrefix(rest[:at], "["), "]")
	port, err = strconv.Atoi(strings.TrimSuffix(rest[at+1:], "/"))
	if err != nil || port < 0 || port > 65535 {
		return "", "", 0, wrong
	}
	return scheme, host, port, nil
}

// advertise builds the URL that others are told.
func (s *Server) advertise() string {
	scheme := strings.ToLower(s.o.AdvertisedListener)
	if scheme == "" {
		scheme = "https"
		for _, l := range s.main {
			if l.scheme == "http" {
				scheme = "http"
			}
		}
	}
	host, port := "", 0
	for _, l := range s.main {
		if l.scheme == scheme {
			host, port = l.host, l.Addr().(*net.TCPAddr).Port
			break
		}
	}
	if port == 0 && len(s.main) > 0 {
		port = s.main[0].Addr().(*net.TCPAddr).Port
	}
	if s.o.AdvertisedHost != "" {
		host = s.o.AdvertisedHost
	}
	if s.o.AdvertisedPort != 0 {
		port = s.o.AdvertisedPort
	}
	if host == "" {
		host = localAddress()
	}
	return scheme + "://" + net.JoinHostPort(host, strconv.Itoa(port)) + "/"
}

// localAddress is an address of this machine that others may reach, as InetAddress.getLocalHost finds one.
func localAddress() string {
	addrs, err := net.InterfaceAddrs()
	if err == nil {
		for _, a := range addrs {
			if ip, ok := a.(*net.IPNet); ok && ip.IP.To4() != nil && !ip.IP.IsLoopback() && !ip.IP.IsLinkLocalUnicast() {
				return ip.IP.String()
			}
		}
	}
	return "127.0.0.1"
}

// AdvertisedURL is the URL that other workers and people are told, with a slash at the end.
func (s *Server) AdvertisedURL() string { return s.advertised }

// WorkerID is host:port of the advertised URL.
func (s *Server) WorkerID() string {
	_, rest, _ := strings.Cut(s.advertised, "://")
	return strings.TrimSuffix(rest, "/")
}

// Addr is the address of the first listener, such as 127.0.0.1:8083.
func (s *Server) Addr() string { return s.main[0].Addr().String() }

// AdminAddr is the address of the first admin listener, "" without one.
func (s *Server) AdminAddr() string {
	if len(s.admin) == 0 {
		return ""
	}
	return s.admin[0].Addr().String()
}

// Serve begins to answer.
func (s *Server) Serve(a API) {
	if a.Log == nil {
		a.Log = s.o.Log
	}
	rules, _ := parseHeaderRules(s.o.ResponseHeaders)
	h := a.Handler(s.o.AdminListeners == nil)
	h = withCORS(h, s.o.AllowOrigin, s.o.AllowMethods)
	h = withHeaders(h, rules)
	s.serve(s.main, logged(h, s.o.Log))
	if len(s.admin) > 0 {
		s.serve(s.admin, logged(a.AdminHandler(), s.o.Log))
	}
}

func (s *Server) serve(ls []*listener, h http.Handler) {
	srv := &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 30 * time.Second,
		IdleTimeout:       2 * time.Minute,
		ErrorLog:          slog.NewLogLogger(s.o.Log.Handler(), slog.LevelDebug),
	}
	s.servers = append(s.servers, srv)
	for _, l := range ls {
		s.wg.Go(func() {
			if err := srv.Serve(l); err != nil && !errors.Is(err, http.ErrServerClosed) {
				s.o.Log.Error("REST listener ended", slog.String("address", l.Addr().String()), slog.Any("err", err))
			}
		})
	}
}

// Close stops listening and waits for the requests under way until ctx is done, then drops them.
func (s *Server) Close(ctx context.Context) {
	for _, srv := range s.servers {
		if err := srv.Shutdown(ctx); err != nil {
			_ = srv.Close()
		}
	}
	closeAll(s.main) // those that nothing served yet
	closeAll(s.admin)
	s.wg.Wait()
}

// logged writes a line per request at debug level, with its duration.
func logged(h http.Handler, log *slog.Logger) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !log.Enabled(r.Context(), slog.LevelDebug) {
			h.ServeHTTP(w, r)
			return
		}
		start := time.Now()
		sw := &statusWriter{ResponseWriter: w, status: http.StatusOK}
		h.ServeHTTP(sw, r)
		log.Debug("request", slog.String("remote", r.RemoteAddr), slog.String("method", r.Method), slog.String("path", r.URL.Path),
			slog.Int("status", sw.status), slog.Int64("duration_ms", time.Since(start).Milliseconds()))
	})
}

// statusWriter remembers the status that went out.
type statusWriter struct {
	http.ResponseWriter
	status int
}

// WriteHeader implements http.ResponseWriter.
func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

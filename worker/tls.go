// SPDX-License-Identifier: Apache-2.0

package worker

import (
	"crypto/tls"
	"crypto/x509"
	"os"
	"strings"

	"github.com/penstock-io/penstock/config"
)

// serverTLS makes the TLS settings of https listeners. As in Connect they are those under listeners.https. (or
// admin.listeners.https.) when there is any such key, else the worker's own ssl.*. Stores must be PEM.
func (c *Config) serverTLS(admin bool) (*tls.Config, error) {
	prefix, get := c.tlsProps(admin)
	out := &tls.Config{MinVersion: tls.VersionTLS12}
	cert, err := pemKeyPair(prefix, get)
	if err != nil {
		return nil, err
	}
	out.Certificates = []tls.Certificate{cert}
	switch auth := get("ssl.client.auth", "none"); auth {
	case "none":
		return out, nil
	case "required":
		out.ClientAuth = tls.RequireAndVerifyClientCert
	case "requested":
		out.ClientAuth = tls.VerifyClientCertIfGiven
	default:
		return nil, config.Invalid(prefix+"ssl.client.auth", auth, "String must be one of: required, requested, none")
	}
	out.ClientCAs, err = pemTrust(prefix, get)
	return out, err
}

func wantPEM(key, kind string) error {
	if strings.EqualFold(kind, "PEM") {
		return nil
	}
	return config.Invalid(key, kind, "listeners take PEM; convert the store, for example with openssl pkcs12")
}

// pemText reads a setting that is either inline or a file.
func pemText(prefix, inline, location string, get func(key, otherwise string) string) ([]byte, error) {
	if text := get(inline, ""); text != "" {
		return []byte(text), nil
	}
	path := get(location, "")
	if path == "" {
		return nil, config.Plain(prefix+location, prefix+location+" or "+prefix+inline+" must be set for an https listener")
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, config.Invalid(prefix+location, path, err.Error())
	}
	return raw, nil
}

func pemKeyPair(prefix string, get func(key, otherwise string) string) (tls.Certificate, error) {
	if err := wantPEM(prefix+"ssl.keystore.type", get("ssl.keystore.type", "JKS")); err != nil {
		return tls.Certificate{}, err
	}
	key, err := pemText(prefix, "ssl.keystore.key", "ssl.keystore.location", get)
	if err != nil {
		return tls.Certificate{}, err
	}
	chain, err := pemText(prefix, "ssl.keystore.certificate.chain", "ssl.keystore.location", get)
	if err != nil {
		return tls.Certificate{}, err
	}
	cert, err := tls.X509KeyPair(chain, key)
	if err != nil {
		return cert, config.Plain(prefix+"ssl.keystore.location", "Failed to load the PEM key store of the https listener: "+err.Error())
	}
	return cert, nil
}

func pemTrust(prefix string, get func(key, otherwise string) string) (*x509.CertPool, error) {
	if err := wantPEM(prefix+"ssl.truststore.type", get("ssl.truststore.type", "JKS")); err != nil {
		return nil, err
	}
	raw, err := pemText(prefix, "ssl.truststore.certificates", "ssl.truststore.location", get)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(raw) {
		return nil, config.Plain(prefix+"ssl.truststore.location", "The trust store of the https listener holds no PEM certificate")
	}
	return pool, nil
}

// tlsProps are the settings of the listeners: those with the listeners' prefix or, when there are none, the plain ones.
func (c *Config) tlsProps(admin bool) (string, func(key, otherwise string) string) {
	prefix := "listeners.https."
	if admin {
		prefix = "admin.listeners.https."
	}
	props := withPrefix(c.Props, prefix)
	if len(props) == 0 {
		prefix, props = "", c.Props
	}
	get := func(key, otherwise string) string {
		if s, ok := props.Get(key); ok {
			return strings.TrimSpace(s)
		}
		return otherwise
	}
	return prefix, get
}

// clientTLS makes the settings for requests to other workers, from those of the listeners: RestClient's SslContextFactory.
func (c *Config) clientTLS() (*tls.Config, error) {
	server, err := c.serverTLS(false)
	if err != nil {
		return nil, err
	}
	out := &tls.Config{MinVersion: tls.VersionTLS12, Certificates: server.Certificates, RootCAs: server.ClientCAs}
	prefix, get := c.tlsProps(false)
	if out.RootCAs == nil && get("ssl.truststore.location", "")+get("ssl.truststore.certificates", "") != "" {
		out.RootCAs, err = pemTrust(prefix, get)
	}
	return out, err
}

// SPDX-License-Identifier: Apache-2.0

package kafka

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"os"
	"strings"
)

// tls builds the TLS settings of ssl.*, or returns nil after recording why it cannot.
func (p *parser) tls() *tls.Config {
	before := len(p.errs)
	cfg := &tls.Config{MinVersion: tls.VersionTLS12}
	p.tlsVersions(cfg)
	p.cipherSuites(cfg)
	if cert := p.keyStore(); cert != nil {
		// Java presents its certificate whatever CAs the broker names; Go's default would silently send none.
		cfg.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return cert, nil }
	}
	cfg.RootCAs = p.trustStore()
	p.endpointIdentification(cfg)
	if len(p.errs) > before {
		return nil
	}
	return cfg
}

// endpointIdentification turns the host name check off for an empty algorithm, and only that: the chain is still
// verified, which InsecureSkipVerify alone would drop as well.
func (p *parser) endpointIdentification(cfg *tls.Config) {
	const key = "ssl.endpoint.identification.algorithm"
	switch algorithm := p.text(key, "https"); {
	case strings.EqualFold(algorithm, "https"):
	case algorithm == "":
		roots := cfg.RootCAs
		cfg.InsecureSkipVerify = true
		cfg.VerifyConnection = func(cs tls.ConnectionState) error {
			if len(cs.PeerCertificates) == 0 {
				return errors.New("broker sent no certificate")
			}
			intermediates := x509.NewCertPool()
			for _, c := range cs.PeerCertificates[1:] {
				intermediates.AddCert(c)
			}
			_, err := cs.PeerCertificates[0].Verify(x509.VerifyOptions{Roots: roots, Intermediates: intermediates})
			return err
		}
	default:
		p.fail(key, algorithm, "use https, or an empty value to turn the host name check off")
	}
}

var tlsVersionByName = map[string]uint16{
	"TLSV1": tls.VersionTLS10, "TLSV1.1": tls.VersionTLS11, "TLSV1.2": tls.VersionTLS12, "TLSV1.3": tls.VersionTLS13,
}

// tlsVersions reads ssl.protocol (the highest version) and ssl.enabled.protocols (those offered). Go offers a range,
// so a list with a hole in it offers the hole too.
func (p *parser) tlsVersions(cfg *tls.Config) {
	highest := uint16(tls.VersionTLS13)
	switch name := p.text("ssl.protocol", "TLSv1.3"); strings.ToUpper(name) {
	case "TLS", "SSL", "DEFAULT":
	default:
		v, ok := tlsVersionByName[strings.ToUpper(name)]
		if !ok {
			p.fail("ssl.protocol", name, "supported are TLS, TLSv1.2 and TLSv1.3 (TLSv1 and TLSv1.1 for old brokers)")
			return
		}
		highest = v
	}
	low, high := uint16(0), uint16(0)
	for _, name := range p.list("ssl.enabled.protocols", []string{"TLSv1.2", "TLSv1.3"}) {
		v, ok := tlsVersionByName[strings.ToUpper(name)]
		if !ok {
			p.fail("ssl.enabled.protocols", name, "supported are TLSv1.2 and TLSv1.3 (TLSv1 and TLSv1.1 for old brokers)")
			return
		}
		if v > highest {
			continue
		}
		if low == 0 || v < low {
			low = v
		}
		high = max(high, v)
	}
	if low == 0 {
		low, high = min(tls.VersionTLS12, highest), highest
	}
	cfg.MinVersion, cfg.MaxVersion = low, high
}

// cipherSuites reads ssl.cipher.suites, by IANA name as in Java. The TLS 1.3 suites are always on in Go, so naming
// them is accepted and changes nothing.
func (p *parser) cipherSuites(cfg *tls.Config) {
	const key = "ssl.cipher.suites"
	for _, name := range p.list(key, nil) {
		id, ok := cipherSuite(strings.Replace(name, "SSL_", "TLS_", 1))
		if !ok {
			p.fail(key, name, "Unsupported CipherSuite: "+name)
			continue
		}
		cfg.CipherSuites = append(cfg.CipherSuites, id)
	}
}

func cipherSuite(name string) (uint16, bool) {
	for _, list := range [][]*tls.CipherSuite{tls.CipherSuites(), tls.InsecureCipherSuites()} {
		for _, s := range list {
			// Go leaves the hash out of the names of its ChaCha suites' constants but not of their Name.
			if s.Name == name {
				return s.ID, true
			}
		}
	}
	return 0, false
}

// keyStore loads the client's certificate by Java's rules about which settings go together; nil = none.
func (p *parser) keyStore() *tls.Certificate {
	typ := strings.ToUpper(p.text("ssl.keystore.type", "JKS"))
	path, hasPath := p.text("ssl.keystore.location", ""), p.has("ssl.keystore.location")
	password, hasPassword := p.text("ssl.keystore.password", ""), p.has("ssl.keystore.password")
	key, hasKey := p.text("ssl.keystore.key", ""), p.has("ssl.keystore.key")
	chain, hasChain := p.text("ssl.keystore.certificate.chain", ""), p.has("ssl.keystore.certificate.chain")
	keyPassword, hasKeyPassword := p.text("ssl.key.password", ""), p.has("ssl.key.password")
	var cert *tls.Certificate
	var err error
	at, shown := "ssl.keystore.location", path
	switch {
	case hasKey && typ != "PEM":
		p.failPlain("ssl.keystore.key", "SSL private key can be specified only for PEM, but key store type is "+typ+".")
	case hasKey && !hasChain:
		p.failPlain("ssl.keystore.key", "SSL private key is specified, but certificate chain is not specified.")
	case hasKey && hasPath:
		p.failPlain("ssl.keystore.key", "Both SSL key store location and separate private key are specified.")
	case (hasKey || typ == "PEM" && hasPath) && hasPassword:
		p.failPlain("ssl.keystore.password", "SSL key store password cannot be specified with PEM format, only key password may be specified.")
	case hasKey:
		at, shown = "ssl.keystore.key", hidden
		cert, err = pemKeyStore(chain, key, keyPassword, hasKeyPassword)
	case hasChain:
		p.failPlain("ssl.keystore.certificate.chain", "SSL certificate chain is specified, but private key is not specified")
	case typ == "PEM" && hasPath:
		var data []byte
		if data, err = os.ReadFile(path); err == nil {
			cert, err = pemKeyStore(string(data), string(data), keyPassword, hasKeyPassword)
		}
	case !hasPath && hasPassword:
		p.failPlain("ssl.keystore.password", "SSL key store is not specified, but key store password is specified.")
	case hasPath && !hasPassword:
		p.failPlain("ssl.keystore.location", "SSL key store is specified, but key store password is not specified.")
	case hasPath:
		if !hasKeyPassword {
			keyPassword = password
		}
		cert, err = loadKeyStore(path, typ, password, keyPassword)
	}
	if err != nil {
		p.fail(at, shown, "Failed to load SSL keystore of type "+typ+": "+err.Error())
	}
	return cert
}

// trustStore loads the trusted certificates; nil = those of the system, as Java falls back to its own cacerts.
func (p *parser) trustStore() *x509.CertPool {
	typ := strings.ToUpper(p.text("ssl.truststore.type", "JKS"))
	path, hasPath := p.text("ssl.truststore.location", ""), p.has("ssl.truststore.location")
	password, hasPassword := p.text("ssl.truststore.password", ""), p.has("ssl.truststore.password")
	inline, hasInline := p.text("ssl.truststore.certificates", ""), p.has("ssl.truststore.certificates")
	var certs []*x509.Certificate
	var err error
	at, shown := "ssl.truststore.location", path
	switch {
	case hasInline && typ != "PEM":
		p.failPlain("ssl.truststore.certificates", "SSL trust store certs can be specified only for PEM, but trust store type is "+typ+".")
	case hasInline && hasPath:
		p.failPlain("ssl.truststore.certificates", "Both SSL trust store location and separate trust certificates are specified.")
	case (hasInline || typ == "PEM" && hasPath) && hasPassword:
		p.failPlain("ssl.truststore.password", "SSL trust store password cannot be specified for PEM format.")
	case hasInline:
		at, shown = "ssl.truststore.certificates", hidden
		certs, err = pemCertificates(inline)
	case typ == "PEM" && hasPath:
		var data []byte
		if data, err = os.ReadFile(path); err == nil {
			certs, err = pemCertificates(string(data))
		}
	case !hasPath && hasPassword:
		p.failPlain("ssl.truststore.password", "SSL trust store is not specified, but trust store password is specified.")
	case hasPath:
		certs, err = loadTrustStore(path, typ, password, hasPassword)
	default:
		return nil
	}
	if err != nil {
		p.fail(at, shown, "Failed to load SSL truststore of type "+typ+": "+err.Error())
		return nil
	}
	pool := x509.NewCertPool()
	for _, c := range certs {
		pool.AddCert(c)
	}
	return pool
}

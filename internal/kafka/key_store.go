// SPDX-License-Identifier: Apache-2.0

package kafka

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha1" //nolint:gosec // the integrity check of the JKS format is SHA-1
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/pavlo-v-chernykh/keystore-go/v4"
	"software.sslmate.com/src/go-pkcs12"
)

// jksMagic starts a JKS file. The JDK opens either format under either name (keystore.type.compat), so the file decides.
var jksMagic = []byte{0xFE, 0xED, 0xFE, 0xED}

// storeFormat tells JKS from PKCS12 by content, after refusing types that are neither.
func storeFormat(typ string, data []byte) (jks bool, err error) {
	switch typ {
	case "JKS", "PKCS12":
		return bytes.HasPrefix(data, jksMagic), nil
	}
	return false, fmt.Errorf("%s not found: supported types are JKS, PKCS12 and PEM", typ)
}

// loadKeyStore reads the first private key entry of a JKS or PKCS12 file with its chain.
func loadKeyStore(path, typ, password, keyPassword string) (*tls.Certificate, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	jks, err := storeFormat(typ, data)
	if err != nil {
		return nil, err
	}
	if !jks {
		key, leaf, chain, err := pkcs12.DecodeChain(data, password)
		if err != nil {
			return nil, err
		}
		return certificate(key, append([]*x509.Certificate{leaf}, chain...))
	}
	ks := keystore.New(keystore.WithOrderedAliases(), keystore.WithCaseExactAliases())
	if err := ks.Load(bytes.NewReader(data), []byte(password)); err != nil {
		return nil, err
	}
	for _, alias := range ks.Aliases() {
		if !ks.IsPrivateKeyEntry(alias) {
			continue
		}
		e, err := ks.GetPrivateKeyEntry(alias, []byte(keyPassword))
		if err != nil {
			return nil, fmt.Errorf("read key %q: %w", alias, err)
		}
		key, err := x509.ParsePKCS8PrivateKey(e.PrivateKey)
		if err != nil {
			return nil, fmt.Errorf("read key %q: %w", alias, err)
		}
		chain, err := x509Certificates(e.CertificateChain)
		if err != nil {
			return nil, fmt.Errorf("read chain of key %q: %w", alias, err)
		}
		return certificate(key, chain)
	}
	return nil, errors.New("no private key in it")
}

// loadTrustStore reads what the JVM would trust: the certificate entries, and the first certificate of each key entry.
func loadTrustStore(path, typ, password string, hasPassword bool) ([]*x509.Certificate, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	jks, err := storeFormat(typ, data)
	if err != nil {
		return nil, err
	}
	if !jks {
		certs, err := pkcs12.DecodeTrustStore(data, password)
		if err == nil {
			return certs, nil
		}
		if _, leaf, _, keyErr := pkcs12.DecodeChain(data, password); keyErr == nil {
			return []*x509.Certificate{leaf}, nil
		}
		return nil, err
	}
	if !hasPassword {
		data = resignJKS(data)
	}
	ks := keystore.New(keystore.WithOrderedAliases(), keystore.WithCaseExactAliases())
	if err := ks.Load(bytes.NewReader(data), []byte(password)); err != nil {
		return nil, err
	}
	var out []*x509.Certificate
	for _, alias := range ks.Aliases() {
		var raw []keystore.Certificate
		if ks.IsTrustedCertificateEntry(alias) {
			e, err := ks.GetTrustedCertificateEntry(alias)
			if err != nil {
				return nil, err
			}
			raw = append(raw, e.Certificate)
		} else if chain, err := ks.GetPrivateKeyEntryCertificateChain(alias); err == nil && len(chain) > 0 {
			raw = chain[:1]
		}
		certs, err := x509Certificates(raw)
		if err != nil {
			return nil, fmt.Errorf("read certificate %q: %w", alias, err)
		}
		out = append(out, certs...)
	}
	if len(out) == 0 {
		return nil, errors.New("the trustAnchors parameter must be non-empty: no certificate in it")
	}
	return out, nil
}

// resignJKS gives a copy of a JKS file the signature of the empty password. Java skips the check when a truststore
// comes without a password; the library always checks.
func resignJKS(data []byte) []byte {
	if len(data) < sha1.Size {
		return data
	}
	body := bytes.Clone(data[:len(data)-sha1.Size])
	h := sha1.New() //nolint:gosec // the format's own digest
	h.Write([]byte("Mighty Aphrodite"))
	h.Write(body)
	return h.Sum(body)
}

func x509Certificates(raw []keystore.Certificate) ([]*x509.Certificate, error) {
	var out []*x509.Certificate
	for _, r := range raw {
		c, err := x509.ParseCertificate(r.Content)
		if err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	return out, nil
}

// certificate joins a key with its chain and checks that they belong together.
func certificate(key any, chain []*x509.Certificate) (*tls.Certificate, error) {
	if len(chain) == 0 {
		return nil, errors.New("the private key has no certificate")
	}
	out := &tls.Certificate{PrivateKey: key, Leaf: chain[0]}
	for _, c := range chain {
		out.Certificate = append(out.Certificate, c.Raw)
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("unusable private key of type %T", key)
	}
	same := false
	switch pub := signer.Public().(type) {
	case *rsa.PublicKey:
		same = pub.Equal(chain[0].PublicKey)
	case *ecdsa.PublicKey:
		same = pub.Equal(chain[0].PublicKey)
	case ed25519.PublicKey:
		same = pub.Equal(chain[0].PublicKey)
	}
	if !same {
		return nil, errors.New("the private key does not belong to the first certificate of the chain")
	}
	return out, nil
}

// pemCertificates reads every CERTIFICATE block. Properties files cannot hold line breaks easily, so Kafka takes the
// whole PEM in one line with spaces for them; so do we.
func pemCertificates(text string) ([]*x509.Certificate, error) {
	var out []*x509.Certificate
	for _, b := range pemBlocks(text, "CERTIFICATE") {
		c, err := x509.ParseCertificate(b.Bytes)
		if err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	if len(out) == 0 {
		return nil, javaError("At least one certificate expected, but none found")
	}
	return out, nil
}

// pemKeyStore reads a chain and the one private key that goes with it.
func pemKeyStore(chainText, keyText, password string, encrypted bool) (*tls.Certificate, error) {
	chain, err := pemCertificates(chainText)
	if err != nil {
		return nil, err
	}
	keys := pemBlocks(keyText, "PRIVATE KEY")
	if len(keys) == 0 {
		return nil, javaError("Private key not provided")
	}
	if len(keys) != 1 {
		return nil, javaError(fmt.Sprintf("Expected one private key, but found %d", len(keys)))
	}
	der := keys[0].Bytes
	if encrypted {
		if der, err = decryptPKCS8(der, password); err != nil {
			return nil, err
		}
	}
	key, err := parsePrivateKey(der)
	if err != nil {
		return nil, err
	}
	return certificate(key, chain)
}

// parsePrivateKey takes PKCS#8, which is all Java reads, and the older two forms that openssl writes.
func parsePrivateKey(der []byte) (any, error) {
	key, err := x509.ParsePKCS8PrivateKey(der)
	if err == nil {
		return key, nil
	}
	if k, err := x509.ParsePKCS1PrivateKey(der); err == nil {
		return k, nil
	}
	if k, err := x509.ParseECPrivateKey(der); err == nil {
		return k, nil
	}
	return nil, javaError("Private key could not be loaded: not a PKCS#8 key, or it is encrypted and ssl.key.password is not set")
}

// pemBlocks finds the blocks whose type ends in kind, folding one-line PEM into lines first.
func pemBlocks(text, kind string) []*pem.Block {
	var out []*pem.Block
	for {
		begin := strings.Index(text, "-----BEGIN ")
		if begin < 0 {
			return out
		}
		text = text[begin:]
		typ, body, ok := strings.Cut(text[len("-----BEGIN "):], "-----")
		if !ok {
			return out
		}
		body, rest, ok := strings.Cut(body, "-----END "+typ+"-----")
		if !ok {
			return out
		}
		text = rest
		if !strings.HasSuffix(typ, kind) {
			continue
		}
		whole := "-----BEGIN " + typ + "-----\n" + strings.Join(strings.Fields(body), "\n") + "\n-----END " + typ + "-----\n"
		if b, _ := pem.Decode([]byte(whole)); b != nil {
			out = append(out, b)
		}
	}
}

// SPDX-License-Identifier: Apache-2.0

package kafka

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pavlo-v-chernykh/keystore-go/v4"
	"software.sslmate.com/src/go-pkcs12"

	"github.com/penstock-io/penstock/internal/embedded"
)

// authority signs certificates for one test.
type authority struct {
	t    *testing.T
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

type leaf struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) *authority {
	a := &authority{t: t}
	l := a.sign(&x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test ca"}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign,
	})
	a.cert, a.key = l.cert, l.key
	return a
}

func (a *authority) sign(tmpl *x509.Certificate) leaf {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	tmpl.NotBefore, tmpl.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	parent, signer := a.cert, a.key
	if parent == nil {
		parent, signer = tmpl, key
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, parent, &key.PublicKey, signer)
	if err != nil {
		a.t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		a.t.Fatal(err)
	}
	return leaf{cert, key}
}

func (a *authority) server(host string) leaf {
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "broker"}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	if ip := net.ParseIP(host); ip != nil {
		tmpl.IPAddresses = []net.IP{ip}
	} else {
		tmpl.DNSNames = []string{host}
	}
	return a.sign(tmpl)
}

func (a *authority) client() leaf {
	return a.sign(&x509.Certificate{SerialNumber: big.NewInt(3), Subject: pkix.Name{CommonName: "client"}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
}

func (a *authority) pool() *x509.CertPool {
	p := x509.NewCertPool()
	p.AddCert(a.cert)
	return p
}

func (l leaf) pkcs8(t *testing.T) []byte {
	der, err := x509.MarshalPKCS8PrivateKey(l.key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func pemOf(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

func write(t *testing.T, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func jksBytes(t *testing.T, ks keystore.KeyStore, password string) []byte {
	t.Helper()
	var buf bytes.Buffer
	if err := ks.Store(&buf, []byte(password)); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// encryptPKCS8 is what openssl pkcs8 -topk8 -v2 aes256 -v2prf hmacWithSHA256 does.
func encryptPKCS8(t *testing.T, der []byte, password string) []byte {
	t.Helper()
	salt, iv := []byte("saltsalt"), bytes.Repeat([]byte{7}, 16)
	key, err := pbkdf2.Key(sha256.New, password, salt, 2048, 32)
	if err != nil {
		t.Fatal(err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		t.Fatal(err)
	}
	pad := 16 - len(der)%16
	data := append(bytes.Clone(der), bytes.Repeat([]byte{byte(pad)}, pad)...)
	cipher.NewCBCEncrypter(block, iv).CryptBlocks(data, data)
	raw := func(v any) asn1.RawValue {
		b, err := asn1.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return asn1.RawValue{FullBytes: b}
	}
	kdf := pbkdf2Params{Salt: salt, Iterations: 2048, PRF: pkix.AlgorithmIdentifier{Algorithm: asn1.ObjectIdentifier{1, 2, 840, 113549, 2, 9}, Parameters: asn1.NullRawValue}}
	params := pbes2Params{
		KDF:    pkix.AlgorithmIdentifier{Algorithm: oidPBKDF2, Parameters: raw(kdf)},
		Cipher: pkix.AlgorithmIdentifier{Algorithm: asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 1, 42}, Parameters: raw(iv)},
	}
	return raw(encryptedKey{Algorithm: pkix.AlgorithmIdentifier{Algorithm: oidPBES2, Parameters: raw(params)}, Data: data}).FullBytes
}

// ping says whether an admin client with the given settings gets through.
func ping(t *testing.T, addr string, kv ...string) error {
	t.Helper()
	cfg, err := Parse(RoleAdmin, with(AdminDefaults(addr, "x"), kv...))
	if err != nil {
		return err
	}
	a, err := NewAdmin(cfg, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	_, err = a.ClusterID(ctx)
	return err
}

func TestTLS(t *testing.T) {
	ca := newAuthority(t)
	server, client := ca.server("127.0.0.1"), ca.client()
	b := startBroker(t, embedded.Options{TLS: &tls.Config{
		Certificates: []tls.Certificate{{Certificate: [][]byte{server.cert.Raw}, PrivateKey: server.key}},
		ClientAuth:   tls.RequireAndVerifyClientCert, ClientCAs: ca.pool(),
	}})
	const secret = "changeit"
	certPEM, keyPEM := pemOf("CERTIFICATE", client.cert.Raw), pemOf("PRIVATE KEY", client.pkcs8(t))
	caPEM := pemOf("CERTIFICATE", ca.cert.Raw)
	oneLine := func(s string) string { return strings.ReplaceAll(s, "\n", " ") }

	f := func(ok bool, kv ...string) {
		t.Helper()
		err := ping(t, b.Addr(), append([]string{"security.protocol", "SSL"}, kv...)...)
		if (err == nil) != ok {
			t.Errorf("%.60q: %v", kv, err)
		}
	}
	// PEM: inline, on one line as properties files have it, and from files.
	inline := []string{"ssl.keystore.type", "PEM", "ssl.truststore.type", "PEM"}
	f(true, append(inline, "ssl.keystore.key", keyPEM, "ssl.keystore.certificate.chain", certPEM, "ssl.truststore.certificates", caPEM)...)
	f(true, append(inline, "ssl.keystore.key", oneLine(keyPEM), "ssl.keystore.certificate.chain", oneLine(certPEM), "ssl.truststore.certificates", oneLine(caPEM))...)
	f(true, append(inline, "ssl.keystore.location", write(t, "k.pem", []byte(certPEM+keyPEM)), "ssl.truststore.location", write(t, "t.pem", []byte(caPEM)))...)
	encrypted := pemOf("ENCRYPTED PRIVATE KEY", encryptPKCS8(t, client.pkcs8(t), secret))
	f(true, append(inline, "ssl.keystore.key", encrypted, "ssl.key.password", secret, "ssl.keystore.certificate.chain", certPEM, "ssl.truststore.certificates", caPEM)...)
	f(false, append(inline, "ssl.keystore.key", encrypted, "ssl.key.password", "wrong", "ssl.keystore.certificate.chain", certPEM, "ssl.truststore.certificates", caPEM)...)
	f(false, append(inline, "ssl.keystore.key", encrypted, "ssl.keystore.certificate.chain", certPEM, "ssl.truststore.certificates", caPEM)...)

	// PKCS12, modern and as old keytools write it.
	for _, enc := range []*pkcs12.Encoder{pkcs12.Modern2023, pkcs12.LegacyDES} {
		keys, err := enc.Encode(client.key, client.cert, []*x509.Certificate{ca.cert}, secret)
		if err != nil {
			t.Fatal(err)
		}
		trust, err := enc.EncodeTrustStore([]*x509.Certificate{ca.cert}, secret)
		if err != nil {
			t.Fatal(err)
		}
		p12 := []string{
			"ssl.keystore.type", "PKCS12", "ssl.keystore.location", write(t, "k.p12", keys), "ssl.keystore.password", secret,
			"ssl.truststore.type", "PKCS12", "ssl.truststore.location", write(t, "t.p12", trust), "ssl.truststore.password", secret,
		}
		f(true, p12...)
		// The JDK opens a PKCS12 file that is declared as JKS.
		f(true, append(p12, "ssl.keystore.type", "JKS")...)
		f(false, append(p12, "ssl.truststore.password", "wrong")...)
	}

	// JKS, with a key password of its own, and a truststore without a password.
	ks := keystore.New()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	chain := []keystore.Certificate{{Type: "X509", Content: client.cert.Raw}}
	must(ks.SetPrivateKeyEntry("me", keystore.PrivateKeyEntry{CreationTime: time.Now(), PrivateKey: client.pkcs8(t), CertificateChain: chain}, []byte("keypass")))
	ts := keystore.New()
	must(ts.SetTrustedCertificateEntry("ca", keystore.TrustedCertificateEntry{CreationTime: time.Now(), Certificate: keystore.Certificate{Type: "X509", Content: ca.cert.Raw}}))
	jks := []string{
		"ssl.keystore.location", write(t, "k.jks", jksBytes(t, ks, secret)), "ssl.keystore.password", secret, "ssl.key.password", "keypass",
		"ssl.truststore.location", write(t, "t.jks", jksBytes(t, ts, secret)),
	}
	f(true, append(jks, "ssl.truststore.password", secret)...)
	f(true, jks...)
	f(true, append(jks, "ssl.enabled.protocols", "TLSv1.2", "ssl.protocol", "TLSv1.2", "ssl.cipher.suites", "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256")...)
	f(false, append(jks, "ssl.key.password", "wrong")...)
	f(false, append(jks, "ssl.keystore.password", "wrong")...)
	f(false, append(jks, "ssl.truststore.password", "wrong")...)
	// Not trusted, and no client certificate.
	f(false, "ssl.keystore.location", jks[1], "ssl.keystore.password", secret, "ssl.key.password", "keypass")
	f(false, "ssl.truststore.location", jks[7])
}

func TestHostNameCheck(t *testing.T) {
	ca := newAuthority(t)
	server := ca.server("elsewhere.example")
	b := startBroker(t, embedded.Options{TLS: &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{server.cert.Raw}, PrivateKey: server.key}}}})
	trust := []string{"security.protocol", "SSL", "ssl.truststore.type", "PEM", "ssl.truststore.certificates", pemOf("CERTIFICATE", ca.cert.Raw)}
	if err := ping(t, b.Addr(), trust...); err == nil {
		t.Error("a certificate for another host was taken")
	}
	if err := ping(t, b.Addr(), append(trust, "ssl.endpoint.identification.algorithm", "")...); err != nil {
		t.Error(err)
	}
	// The chain is still checked.
	other := pemOf("CERTIFICATE", newAuthority(t).cert.Raw)
	if err := ping(t, b.Addr(), append(trust, "ssl.endpoint.identification.algorithm", "", "ssl.truststore.certificates", other)...); err == nil {
		t.Error("an unknown authority was taken")
	}
}

func TestStoreRules(t *testing.T) {
	f := func(want string, kv ...string) {
		t.Helper()
		_, err := parsePairs(RoleAdmin, append([]string{"security.protocol", "SSL"}, kv...)...)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v", kv, err)
		}
	}
	f("SSL private key can be specified only for PEM, but key store type is JKS.", "ssl.keystore.key", "k")
	f("certificate chain is not specified", "ssl.keystore.type", "PEM", "ssl.keystore.key", "k")
	f("Both SSL key store location and separate private key", "ssl.keystore.type", "PEM", "ssl.keystore.key", "k", "ssl.keystore.certificate.chain", "c", "ssl.keystore.location", "x")
	f("SSL key store password cannot be specified with PEM format", "ssl.keystore.type", "PEM", "ssl.keystore.location", "x", "ssl.keystore.password", "p")
	f("private key is not specified", "ssl.keystore.certificate.chain", "c")
	f("SSL key store is not specified, but key store password is specified.", "ssl.keystore.password", "p")
	f("SSL key store is specified, but key store password is not specified.", "ssl.keystore.location", "x")
	f("SSL trust store certs can be specified only for PEM", "ssl.truststore.certificates", "c")
	f("SSL trust store is not specified, but trust store password is specified.", "ssl.truststore.password", "p")
	f("SSL trust store password cannot be specified for PEM format.", "ssl.truststore.type", "PEM", "ssl.truststore.certificates", "c", "ssl.truststore.password", "p")
	f("no such file", "ssl.truststore.location", "/nonexistent/t.jks")
	f("supported types are JKS, PKCS12 and PEM", "ssl.truststore.type", "BKS", "ssl.truststore.location", write(t, "x", []byte("x")))
	f("none found", "ssl.truststore.type", "PEM", "ssl.truststore.certificates", "not pem")
}

func TestSASL(t *testing.T) {
	const user, secret = "alice", `p"a\ss`
	b := startBroker(t, embedded.Options{Users: []embedded.User{
		{Mechanism: "PLAIN", Name: user, Password: secret},
		{Mechanism: "SCRAM-SHA-256", Name: user, Password: secret},
		{Mechanism: "SCRAM-SHA-512", Name: user, Password: secret},
	}})
	f := func(mechanism, module, password string, ok bool) {
		t.Helper()
		jaas := module + ` required username="` + user + `" password="` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(password) + `";`
		err := ping(t, b.Addr(), "security.protocol", "SASL_PLAINTEXT", "sasl.mechanism", mechanism, "sasl.jaas.config", jaas)
		if (err == nil) != ok {
			t.Errorf("%s: %v", mechanism, err)
		}
		if err != nil && strings.Contains(err.Error(), password) {
			t.Errorf("the password shows: %v", err)
		}
	}
	const plainModule, scramModule = "org.apache.kafka.common.security.plain.PlainLoginModule", "org.apache.kafka.common.security.scram.ScramLoginModule"
	f("PLAIN", plainModule, secret, true)
	f("PLAIN", "org.apache.flink.kafka.shaded."+plainModule, secret, true)
	f("SCRAM-SHA-256", scramModule, secret, true)
	f("SCRAM-SHA-512", scramModule, secret, true)
	f("PLAIN", plainModule, "wrong-one", false)
	f("SCRAM-SHA-512", scramModule, "wrong-one", false)
	f("SCRAM-SHA-512", plainModule, secret, false)
	if err := ping(t, b.Addr()); err == nil {
		t.Error("a broker with SASL took a client without")
	}
}

func FuzzPEM(f *testing.F) {
	f.Add("-----BEGIN CERTIFICATE----- AAAA -----END CERTIFICATE-----")
	f.Add("-----BEGIN X-----\n-----BEGIN ")
	f.Fuzz(func(_ *testing.T, text string) {
		_, _ = pemCertificates(text)
		_, _ = pemKeyStore(text, text, "p", true)
	})
}

func FuzzPKCS8(f *testing.F) {
	f.Add([]byte{0x30, 0x03, 0x02, 0x01, 0x00})
	f.Fuzz(func(_ *testing.T, der []byte) {
		_, _ = parsePrivateKey(der)
	})
}

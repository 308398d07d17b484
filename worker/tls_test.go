// SPDX-License-Identifier: Apache-2.0

package worker

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// selfSigned makes a certificate for 127.0.0.1 and its key, both PEM.
func selfSigned(t *testing.T) (cert, key string) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &k.PublicKey, k)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	block := func(kind string, b []byte) string {
		var out bytes.Buffer
		_ = pem.Encode(&out, &pem.Block{Type: kind, Bytes: b})
		return out.String()
	}
	return block("CERTIFICATE", der), block("PRIVATE KEY", raw)
}

func TestHTTPS(t *testing.T) {
	cert, key := selfSigned(t)
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM([]byte(cert))
	pair, err := tls.X509KeyPair([]byte(cert), []byte(key))
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "store.pem")
	if err := os.WriteFile(file, []byte(key+cert), 0o600); err != nil {
		t.Fatal(err)
	}
	f := func(name string, props map[string]string, withCert, want bool) {
		t.Helper()
		props["listeners"] = "https://127.0.0.1:0"
		w, _ := newTestWorker(t, props)
		c := &tls.Config{RootCAs: pool}
		if withCert {
			c.Certificates = []tls.Certificate{pair}
		}
		client := &http.Client{Transport: &http.Transport{TLSClientConfig: c}}
		defer client.CloseIdleConnections()
		resp, err := client.Get("https://" + w.RESTAddr() + "/")
		if err == nil {
			_ = resp.Body.Close()
		}
		if (err == nil) != want {
			t.Errorf("%s: %v", name, err)
		}
	}
	f("a file", map[string]string{"ssl.keystore.type": "PEM", "ssl.keystore.location": file}, false, true)
	inline := func() map[string]string {
		return map[string]string{
			"ssl.keystore.type":                 "JKS", // not looked at: there are keys with the prefix
			"listeners.https.ssl.keystore.type": "PEM", "listeners.https.ssl.keystore.key": key,
			"listeners.https.ssl.keystore.certificate.chain": cert, "listeners.https.ssl.client.auth": "required",
			"listeners.https.ssl.truststore.type": "PEM", "listeners.https.ssl.truststore.certificates": cert,
		}
	}
	f("inline, client certificate", inline(), true, true)
	f("inline, no client certificate", inline(), false, false)
}

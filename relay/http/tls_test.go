package http

import (
	"context"
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
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"dhcp-relay/relay/observe/status"
)

// certify writes a new certificate for 127.0.0.1 with this serial number to
// cert.pem and key.pem.
func certify(t *testing.T, dir string, serial int64) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	about := &x509.Certificate{
		SerialNumber: big.NewInt(serial), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	cert, err := x509.CreateCertificate(rand.Reader, about, about, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "cert.pem"), string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert})))
	write(t, filepath.Join(dir, "key.pem"), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})))
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// The file of Prometheus exporters sets up TLS and users; a new certificate is
// taken for new connections.
func TestServeWithTLSAndPassword(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	certify(t, dir, 1)
	hash, err := bcrypt.GenerateFromPassword([]byte("secret"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	config := filepath.Join(dir, "web.yml")
	write(t, config, "tls_server_config:\n  cert_file: cert.pem\n  key_file: key.pem\nbasic_auth_users:\n  ann: "+string(hash)+"\n")
	if err := Check(config); err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	g := newGate()
	go func() { ended <- Serve(ctx, ln, healthy, config, g) }()

	ask := func(scheme, password string) (code int, serial int64) {
		t.Helper()
		cl := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{
			DisableKeepAlives: true,
			TLSClientConfig:   &tls.Config{InsecureSkipVerify: true},
		}}
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, scheme+"://"+ln.Addr().String()+"/", nil)
		if err != nil {
			t.Fatal(err)
		}
		if password != "" {
			req.SetBasicAuth("ann", password)
		}
		resp, err := cl.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.TLS == nil {
			return resp.StatusCode, 0
		}
		return resp.StatusCode, resp.TLS.PeerCertificates[0].SerialNumber.Int64()
	}
	cases := []struct {
		name, scheme, password string
		want                   int
	}{
		{"right password", "https", "secret", http.StatusOK},
		{"wrong password", "https", "guess", http.StatusUnauthorized},
		{"no password", "https", "", http.StatusUnauthorized},
		{"no TLS", "http", "secret", http.StatusBadRequest},
	}
	for _, c := range cases {
		if got, _ := ask(c.scheme, c.password); got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
	if n := refusals(g, status.RefusedAuth); n != 1 {
		t.Errorf("%d guesses are counted, want the wrong password alone", n)
	}
	certify(t, dir, 2)
	if _, got := ask("https", "secret"); got != 2 {
		t.Errorf("certificate %d, want the new one", got)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("serve: %v", err)
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name, file string
		want       string // a part of the error
	}{
		{"empty", "", ""},
		{"unknown key", "tls_sever_config:\n  cert_file: cert.pem\n", "field tls_sever_config not found"},
		{"no key", "tls_server_config:\n  cert_file: cert.pem\n", "missing one of key or key_file"},
		{"no such certificate", "tls_server_config:\n  cert_file: cert.pem\n  key_file: key.pem\n", "cert.pem"},
		{"a password that is no hash", "basic_auth_users:\n  ann: secret\n", "bcrypt"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			config := filepath.Join(t.TempDir(), "web.yml")
			write(t, config, c.file)
			err := Check(config)
			if c.want == "" {
				if err != nil {
					t.Errorf("error %v", err)
				}
				return
			}
			if err == nil || !strings.HasPrefix(err.Error(), config+": ") || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("error %v, want %q", err, c.want)
			}
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("more than one line: %q", err)
			}
		})
	}
	if err := Check(""); err != nil {
		t.Errorf("no file: %v", err)
	}
	if err := Check("/no/such/file"); err == nil {
		t.Error("a file that does not exist is good")
	}
}

// A file that lets everybody in is told apart.
func TestOpen(t *testing.T) {
	t.Parallel()
	const cert = "tls_server_config:\n  cert_file: cert.pem\n  key_file: key.pem\n"
	for _, c := range []struct {
		name, file string
		want       bool
	}{
		{"empty", "", true},
		{"TLS alone", cert, true},
		{"any certificate will do", cert + "  client_auth_type: RequireAnyClientCert\n", true},
		{"certificates", cert + "  client_auth_type: RequireAndVerifyClientCert\n", false},
		{"users", "basic_auth_users:\n  ann: $2y$10$x\n", false},
		{"no YAML", "\t", false},
	} {
		config := filepath.Join(t.TempDir(), "web.yml")
		write(t, config, c.file)
		if got := Open(config); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
	if Open("") || Open("/no/such/file") {
		t.Error("what cannot be read is open")
	}
}

// Connections that wait give way with TLS too, whether or not they have shaken hands.
func TestIdleConnectionsWithTLSGiveWay(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	certify(t, dir, 1)
	config := filepath.Join(dir, "web.yml")
	write(t, config, "tls_server_config:\n  cert_file: cert.pem\n  key_file: key.pem\n")
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	g := newGate()
	go func() { ended <- Serve(ctx, ln, healthy, config, g) }()
	v := visit(t, ln.Addr().String(), "127.0.0.1")
	for i := range 2 * maxPeerConns {
		c := v.dial()
		if i%4 == 3 && !v.get(tls.Client(c, &tls.Config{InsecureSkipVerify: true}), "/") {
			t.Fatalf("connection %d is not served", i+1)
		}
	}
	v.gone(v.cs[0])
	v.gone(v.cs[3])
	if n := refusals(g, status.RefusedIdle); n != maxPeerConns {
		t.Errorf("%d gave way, want %d", n, maxPeerConns)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("serve: %v", err)
	}
}

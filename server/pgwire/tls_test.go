package pgwire

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

func selfSigned(t *testing.T) func() *tls.Config {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"localhost"}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	return func() *tls.Config { return config }
}

func TestTLS(t *testing.T) {
	wait, running := started()
	_, addr := startServer(t, &fakeDatabase{statements: map[string]canned{"wait": wait}}, Options{TLSConfig: selfSigned(t)})
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, "postgres://ann@"+addr+"/?sslmode=require")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	// The watch of a running statement ends by a deadline, which must not break
	// the encryption.
	for range 3 {
		go func() {
			<-running
			_ = conn.PgConn().CancelRequest(ctx)
		}()
		_, err := conn.Exec(ctx, "wait")
		wantCode(t, err, "57014", "user request")
		if _, err := conn.Exec(ctx, "rows 10"); err != nil {
			t.Fatal(err)
		}
	}
}

// TestDirectTLS: a client may begin with TLS if it names the protocol.
func TestDirectTLS(t *testing.T) {
	_, addr := startServer(t, &fakeDatabase{}, Options{TLSConfig: selfSigned(t)})
	ctx := context.Background()
	config, err := pgx.ParseConfig("postgres://ann@" + addr + "/?sslmode=require&sslnegotiation=direct")
	if err != nil {
		t.Fatal(err)
	}
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, "rows 10"); err != nil {
		t.Fatal(err)
	}
	unnamed, err := tls.Dial("tcp", addr, &tls.Config{InsecureSkipVerify: true}) //nolint:gosec // a test
	if err != nil {
		t.Fatal(err)
	}
	defer unnamed.Close()
	if _, err := unnamed.Write(startupBytes(0, "user", "ann")); err != nil {
		t.Fatal(err)
	}
	if n, err := unnamed.Read(make([]byte, 100)); err == nil {
		t.Errorf("a client that does not name the protocol got %d bytes", n)
	}
}

// TestBytesBeforeTLSAreRefused: they were not encrypted.
func TestBytesBeforeTLSAreRefused(t *testing.T) {
	_, addr := startServer(t, &fakeDatabase{}, Options{TLSConfig: selfSigned(t)})
	client := dialTranscript(t, addr)
	defer client.conn.Close()
	client.write(t, append([]byte("\x00\x00\x00\x08\x04\xd2\x16\x2f"), startupBytes(0, "user", "ann")...))
	if got := client.readUntil(t, "", 0); !strings.Contains(got, "unencrypted data") {
		t.Errorf("got %s", got)
	}
}

type remoteConn struct{ *memoryConn }

func (remoteConn) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 1} }

func TestOtherMachinesAreRefusedWithoutAuthentication(t *testing.T) {
	conn := &memoryConn{data: startupBytes(0, "user", "ann")}
	ctx, cancel := context.WithCancelCause(context.Background())
	db := &fakeDatabase{}
	newConnection(New(db, Options{}), remoteConn{conn}, cancel).serve(ctx)
	if !strings.Contains(string(conn.answer), "C28000") || len(db.options) != 0 {
		t.Errorf("answer %q", conn.answer)
	}
}

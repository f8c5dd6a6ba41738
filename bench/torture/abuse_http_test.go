package torture

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"net"
	"sync/atomic"
	"time"
)

// dialHTTP opens a connection with TLS that is closed when the context ends.
func dialHTTP(ctx context.Context, v *victim) (net.Conn, error) {
	plain, err := dial(ctx, v.http)
	if err != nil {
		return nil, err
	}
	conn := tls.Client(plain, &tls.Config{RootCAs: v.roots, ServerName: "127.0.0.1", MinVersion: tls.VersionTLS12})
	if err := conn.HandshakeContext(ctx); err != nil {
		_ = plain.Close() // of no use
		return nil, err
	}
	return conn, nil
}

// slowHTTP begins requests and goes on with a byte a second.
func slowHTTP(first, then string, patience time.Duration) func(context.Context, *victim) (string, error) {
	return func(ctx context.Context, v *victim) (string, error) {
		const clients = 300
		var cut atomic.Int64
		err := v.hold(clients, func(_ int, ready func()) error {
			n, err := trickle(ctx, func() (net.Conn, error) { return dialHTTP(ctx, v) }, ready, first, then, patience)
			cut.Add(n)
			return err
		})
		return fmt.Sprintf("%d clients, cut off %d times", clients, cut.Load()), err
	}
}

// neverReadingHTTP asks for a lot and reads none of it.
func neverReadingHTTP(path, sql string) func(context.Context, *victim) (string, error) {
	return func(ctx context.Context, v *victim) (string, error) {
		const clients = 80 // more than there are places
		body, err := json.Marshal(map[string]string{"sql": sql})
		if err != nil {
			return "", err
		}
		request := fmt.Appendf(nil, "POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", path, len(body), body)
		return fmt.Sprintf("%d clients", clients), v.hold(clients, func(_ int, ready func()) error {
			conn, err := dialHTTP(ctx, v)
			if err != nil {
				return ignore(ctx, err)
			}
			if _, err := conn.Write(request); err != nil {
				return ignore(ctx, err)
			}
			ready()
			<-ctx.Done()
			return nil
		})
	}
}

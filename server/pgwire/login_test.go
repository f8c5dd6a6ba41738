package pgwire

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/millstream-db/millstream/query"
)

// doorkeeper lets ann in as she is, bob twice at most, and carol when her second
// message is "please".
type doorkeeper struct{}

func (doorkeeper) Begin(_ context.Context, c Client) (Login, error) {
	switch c.User {
	case "ann":
		return &visitor{limit: -1}, nil
	case "bob":
		return &visitor{limit: 2}, nil
	case "carol":
		return &visitor{limit: -1, questions: 2}, nil
	}
	return nil, errors.New("no such role")
}

type visitor struct {
	limit, questions int
}

func (v *visitor) ConnectionLimit() int { return v.limit }

func (v *visitor) Mechanisms() []string {
	if v.questions == 0 {
		return nil
	}
	return []string{"ASK", "TELL"}
}

func (v *visitor) Step(_ context.Context, mechanism string, message []byte) ([]byte, bool, error) {
	v.questions--
	switch {
	case mechanism != "ASK":
		return nil, false, query.Errorf("28P01", "she does not %s", mechanism)
	case v.questions == 1:
		return append([]byte("you said "), message...), false, nil
	case string(message) != "please":
		return nil, false, query.Errorf("28P01", "%s is not the word", message)
	}
	return []byte("come in"), true, nil
}

func TestAuthenticator(t *testing.T) {
	_, addr := startServer(t, &fakeDatabase{}, Options{Authenticator: doorkeeper{}})
	connectPgx(t, addr)
	_, err := pgx.Connect(context.Background(), "postgres://mallory@"+addr+"/?sslmode=disable")
	wantCode(t, err, "28000", "no such role")
}

func TestConnectionLimit(t *testing.T) {
	_, addr := startServer(t, &fakeDatabase{}, Options{Authenticator: doorkeeper{}})
	ctx := context.Background()
	connect := func() (*pgx.Conn, error) { return pgx.Connect(ctx, "postgres://bob@"+addr+"/?sslmode=disable") }
	for range 2 {
		conn, err := connect()
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close(ctx)
	}
	_, err := connect()
	wantCode(t, err, "53300", `too many connections for role "bob"`)
	connectPgx(t, addr) // ann
}

func TestSASLMessages(t *testing.T) {
	db := &fakeDatabase{}
	_, addr := startServer(t, db, Options{Authenticator: doorkeeper{}})
	encode := func(m pgproto3.FrontendMessage) []byte {
		b, err := m.Encode(nil)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	for _, c := range []struct {
		first, second []byte
		want          string
	}{
		{encode(&pgproto3.SASLInitialResponse{AuthMechanism: "ASK", Data: []byte("hello")}), encode(&pgproto3.SASLResponse{Data: []byte("please")}), "ReadyForQuery"},
		{encode(&pgproto3.SASLInitialResponse{AuthMechanism: "ASK", Data: []byte("hello")}), encode(&pgproto3.SASLResponse{Data: []byte("now")}), "FATAL 28P01"},
		{encode(&pgproto3.SASLInitialResponse{AuthMechanism: "SHOUT", Data: []byte("hello")}), nil, "FATAL 28P01"},
		{encode(&pgproto3.Query{String: "rows 1"}), nil, "FATAL 08P01"},
		{[]byte("p\x00\x00\x00\x05x"), nil, "FATAL 08P01"},
		{[]byte("p\x00\x20\x00\x00"), nil, "FATAL 08P01"}, // 2 MiB, of somebody unknown
	} {
		client := dialTranscript(t, addr)
		client.write(t, startupBytes(0, "user", "carol"))
		if got := client.readUntil(t, "AuthenticationSASL", 1); !strings.Contains(got, "AuthenticationSASL") {
			t.Fatalf("got %s", got)
		}
		client.write(t, append(c.first, c.second...))
		var got string
		if strings.HasPrefix(c.want, "Ready") {
			got = client.readUntil(t, c.want, 1)
		} else {
			got = client.readUntil(t, "", 0)
		}
		if !strings.Contains(got, c.want) {
			t.Errorf("%q was answered with %s, want %s", c.first, got, c.want)
		}
		client.conn.Close()
	}
}

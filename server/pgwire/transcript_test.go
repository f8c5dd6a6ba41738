package pgwire

import (
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"
	"github.com/jackc/pgx/v5/pgproto3"
)

// TestTranscripts plays what clients send and compares what the server answers.
// The commands are
//
//	connect [verbose] [minor=…] [param=(name,value)]  a new connection and its startup
//	send [until=Message] [count=n]                    messages, one a line, in one write
//	raw [until=Message]                               hexadecimal bytes
//	open                                              how many results and sessions are left
//
// A message is its type and pgproto3's JSON for it. The output ends with the
// count-th message named by until, ReadyForQuery and 1 unless given, or with
// the end of the connection.
func TestTranscripts(t *testing.T) {
	datadriven.Walk(t, "testdata/transcripts", func(t *testing.T, path string) {
		db := &fakeDatabase{}
		_, addr := startServer(t, db, Options{MaxStatements: 3, MaxPortals: 3, PortalBufferBytes: 1000})
		var client *transcriptClient
		t.Cleanup(func() {
			if client != nil {
				client.conn.Close()
			}
		})
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			until, count := "ReadyForQuery", 1
			d.MaybeScanArgs(t, "until", &until)
			d.MaybeScanArgs(t, "count", &count)
			switch d.Cmd {
			case "connect":
				if client != nil {
					client.conn.Close()
				}
				client = dialTranscript(t, addr)
				client.write(t, startupFor(t, d))
				greeting := client.readUntil(t, until, count)
				if !d.HasArg("verbose") {
					greeting = parameterStatus.ReplaceAllString(greeting, "")
				}
				return greeting
			case "send":
				client.write(t, encodeMessages(t, d.Input))
			case "raw":
				client.write(t, decodeHex(t, d.Input))
			case "open":
				return fmt.Sprintf("results %d\n", db.open.Load())
			default:
				t.Fatalf("unknown command %s", d.Cmd)
			}
			return client.readUntil(t, until, count)
		})
	})
}

var parameterStatus = regexp.MustCompile(`(?m)^ParameterStatus .*\n`)

type transcriptClient struct {
	conn     net.Conn
	frontend *pgproto3.Frontend
}

func dialTranscript(t testing.TB, addr string) *transcriptClient {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	return &transcriptClient{conn: conn, frontend: pgproto3.NewFrontend(conn, conn)}
}

func (c *transcriptClient) write(t testing.TB, b []byte) {
	t.Helper()
	if _, err := c.conn.Write(b); err != nil {
		t.Fatal(err)
	}
}

// readUntil prints messages up to the count-th of the given type.
func (c *transcriptClient) readUntil(t testing.TB, until string, count int) string {
	t.Helper()
	var out strings.Builder
	if err := c.conn.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	for {
		m, err := c.frontend.Receive()
		if err != nil {
			if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) || strings.Contains(err.Error(), "reset by peer") {
				return out.String() + "closed\n"
			}
			t.Fatalf("after %q: %v", out.String(), err)
		}
		name := strings.TrimPrefix(fmt.Sprintf("%T", m), "*pgproto3.")
		out.WriteString(strings.TrimSpace(name+" "+describeMessage(m)) + "\n")
		if name == until {
			if count--; count == 0 {
				return out.String()
			}
		}
	}
}

// describeMessage prints what matters of a message, on one line.
func describeMessage(m pgproto3.BackendMessage) string {
	switch m := m.(type) {
	case *pgproto3.RowDescription:
		var fields []string
		for _, f := range m.Fields {
			fields = append(fields, fmt.Sprintf("%s:%d:%d:%d:f%d", f.Name, f.DataTypeOID, f.DataTypeSize, f.TypeModifier, f.Format))
		}
		return strings.Join(fields, " ")
	case *pgproto3.DataRow:
		var values []string
		for _, v := range m.Values {
			values = append(values, fmt.Sprintf("%q", v))
		}
		return strings.Join(values, " ")
	case *pgproto3.CommandComplete:
		return string(m.CommandTag)
	case *pgproto3.ReadyForQuery:
		return string(m.TxStatus)
	case *pgproto3.ParameterStatus:
		return m.Name + "=" + m.Value
	case *pgproto3.ParameterDescription:
		return fmt.Sprint(m.ParameterOIDs)
	case *pgproto3.BackendKeyData:
		return fmt.Sprintf("secret of %d bytes", len(m.SecretKey))
	case *pgproto3.NegotiateProtocolVersion:
		return fmt.Sprintf("%d.%d %v", m.NewestMinorProtocol>>16, m.NewestMinorProtocol&0xffff, m.UnrecognizedOptions)
	case *pgproto3.NoticeResponse:
		return fmt.Sprintf("%s %s %s", m.Severity, m.Code, m.Message)
	case *pgproto3.ErrorResponse:
		s := fmt.Sprintf("%s %s %s", m.Severity, m.Code, m.Message)
		if m.Position != 0 {
			s += fmt.Sprintf(" at %d", m.Position)
		}
		if m.Hint != "" {
			s += " hint: " + m.Hint
		}
		return s
	}
	return ""
}

// startupFor builds the startup message that a connect command asks for.
func startupFor(t *testing.T, d *datadriven.TestData) []byte {
	t.Helper()
	minor := 0
	d.MaybeScanArgs(t, "minor", &minor)
	params := []string{"user", "ann"}
	for _, arg := range d.CmdArgs {
		if arg.Key == "param" {
			params = append(params, arg.Vals...)
		}
	}
	return startupBytes(uint32(minor), params...)
}

func startupBytes(minor uint32, params ...string) []byte {
	packet := binary.BigEndian.AppendUint32(make([]byte, 4), 3<<16|minor)
	for _, p := range params {
		packet = append(append(packet, p...), 0)
	}
	packet = append(packet, 0)
	binary.BigEndian.PutUint32(packet, uint32(len(packet)))
	return packet
}

// encodeMessages reads lines of a message type and its JSON.
func encodeMessages(t testing.TB, input string) []byte {
	t.Helper()
	var out []byte
	for line := range strings.Lines(input) {
		name, body, _ := strings.Cut(strings.TrimSpace(line), " ")
		var m pgproto3.FrontendMessage
		switch name {
		case "Query":
			m = &pgproto3.Query{}
		case "Parse":
			m = &pgproto3.Parse{}
		case "Bind":
			m = &pgproto3.Bind{}
		case "Describe":
			m = &pgproto3.Describe{}
		case "Execute":
			m = &pgproto3.Execute{}
		case "Close":
			m = &pgproto3.Close{}
		case "Flush":
			m = &pgproto3.Flush{}
		case "Sync":
			m = &pgproto3.Sync{}
		case "Terminate":
			m = &pgproto3.Terminate{}
		case "FunctionCall":
			m = &pgproto3.FunctionCall{}
		case "CopyData":
			m = &pgproto3.CopyData{}
		case "CopyDone":
			m = &pgproto3.CopyDone{}
		default:
			t.Fatalf("unknown message %q", name)
		}
		if body != "" {
			if err := json.Unmarshal([]byte(body), m); err != nil {
				t.Fatalf("%s: %v", line, err)
			}
		}
		var err error
		if out, err = m.Encode(out); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

func decodeHex(t testing.TB, input string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.Join(strings.Fields(input), ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

package sqltest

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/jackc/pgx/v5/pgconn"
)

// TestBinaryCopyFromStdin copies what COPY … TO STDOUT sends in the binary format into
// another table, in pieces that end anywhere, and data that are wrong.
func TestBinaryCopyFromStdin(t *testing.T) {
	t.Parallel()
	d := newDatabase(t, "batch4096")
	ctx := t.Context()
	c, err := d.client(ctx, "one")
	if err != nil {
		t.Fatal(err)
	}
	must := func(sql string) [][]string { return d.must(t, c, sql) }
	const columns = `(id BIGINT PRIMARY KEY, b BOOLEAN, i1 TINYINT, i2 SMALLINT, i4 INTEGER, u1 UTINYINT, u4 UINTEGER, u8 UBIGINT, h HUGEINT,
		d9 DECIMAL(9,2), d38 DECIMAL(38,10), f4 REAL, f8 DOUBLE, t VARCHAR, x BLOB, d DATE, tm TIME, ts TIMESTAMP, tz TIMESTAMPTZ, iv INTERVAL, u UUID, j JSON)`
	must("CREATE TABLE one " + columns)
	must("CREATE TABLE other " + columns)
	must(`INSERT INTO one VALUES
		(1, true, -128, -32768, -2147483648, 255, 4294967295, 18446744073709551615, -170141183460469231731687303715884105727,
			-1234567.89, 1234567890123456789012345678.0123456789, '-Infinity', 1e-300, 'é 🦀', '\x00ff', '0044-03-15 BC', '23:59:59.999999', '1582-10-04 12:00:00.000001',
			'2026-11-29 06:00:00+02', INTERVAL '-14 months 3 days -00:00:00.5', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '{"a": [1, null]}'),
		(2, false, 0, 0, 0, 0, 0, 0, 0, 0, 0, 'NaN', -0.0, '', '', 'infinity', '00:00:00', '-infinity', 'infinity', INTERVAL 0 DAY, '00000000-0000-0000-0000-000000000000', 'null'),
		(3, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)`)
	must("INSERT INTO one (id, t) SELECT i, repeat('x', (i % 700)::INTEGER) FROM range(4, 3000) r(i)")
	var data bytes.Buffer
	if _, err := c.conn.CopyTo(ctx, &data, "COPY one TO STDOUT (FORMAT binary)"); err != nil {
		t.Fatal(err)
	}
	if tag, err := c.conn.CopyFrom(ctx, iotest.HalfReader(bytes.NewReader(data.Bytes())), "COPY other FROM STDIN BINARY"); err != nil || tag.String() != "COPY 2999" {
		t.Fatalf("%s, %v", tag, err)
	}
	if rows := must("SELECT count(*) FROM (FROM one EXCEPT FROM other)"); rows[0][0] != "0" {
		t.Errorf("%s rows differ", rows[0][0])
	}
	testBadBinaryCopies(t, c.conn)
	if rows := must("SELECT count(*) FROM other"); rows[0][0] != "2999" {
		t.Errorf("%s rows", rows[0][0])
	}
}

func testBadBinaryCopies(t *testing.T, conn *pgconn.PgConn) {
	const head = "PGCOPY\n\xff\r\n\x00\x00\x00\x00\x00\x00\x00\x00\x00"
	const id = "\x00\x00\x00\x08\x00\x00\x00\x00\x00\x01\x00\x00" // 65536
	for _, c := range []struct{ data, code, message string }{
		{head + "\xff\xff", "", ""},
		{head, "", ""},
		{"", "22P04", "signature"},
		{"1,x\n", "22P04", "signature"},
		{head[:15], "22P04", "signature"},
		{head[:12] + "\x01" + head[13:], "22P04", "OIDS"},
		{head[:11] + "\x80" + head[12:], "22P04", "flags"},
		{head[:15] + "\x7f\x00\x00\x00", "22P04", "length"},
		{head[:18] + "\x03ab", "22P04", "signature"},
		{head + "\x00\x01" + id, "22P04", "row field count is 1, expected 2"},
		{head + "\x00\x02" + id, "22P04", "unexpected EOF"},
		{head + "\x00\x02" + id + "\xff\xff\xff\xfe", "22P04", "row 1, column i1"},
		{head + "\x00\x02" + id + "\x7f\xff\xff\xff", "54000", "1024 MiB"},
		{head + "\x00\x02" + id + "\x00\x00\x00\x03abc", "22P03", "row 1, column i1"},
		{head + "\x00\x02" + id + "\x00\x00\x00\x02\x01\x00\xff\xff", "22003", "row 1, column i1"},
		{head + "\xff\xff\x00", "22P04", "after EOF"},
	} {
		_, err := conn.CopyFrom(t.Context(), io.Reader(strings.NewReader(c.data)), "COPY other (id, i1) FROM STDIN (FORMAT binary)")
		var e *pgconn.PgError
		if c.code == "" && err != nil || c.code != "" && (!errors.As(err, &e) || e.Code != c.code || !strings.Contains(e.Message+" "+e.Hint, c.message)) {
			t.Errorf("%q: %v (%v), want %s %s", c.data, err, e, c.code, c.message)
		}
	}
	_, err := conn.CopyFrom(t.Context(), strings.NewReader(head+"\x00\x01\x00\x00\x00\x01\xff"), "COPY other (t) FROM STDIN (FORMAT binary)")
	var e *pgconn.PgError
	if !errors.As(err, &e) || e.Code != "22021" || !strings.Contains(e.Hint, "column t") {
		t.Errorf("a text that is not UTF-8: %v", err)
	}
}

package verifier

import (
	"encoding/base64"
	"strings"
	"testing"
)

// The password, salt and iterations of RFC 7677's example, and the verifier in
// PostgreSQL's form that the exchange printed there goes with.
const (
	rfcSalt     = "W22ZaJ0SNY7soEsUEjb6gQ=="
	rfcVerifier = "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="
)

func TestDeriveIsRFC7677(t *testing.T) {
	salt, err := base64.StdEncoding.DecodeString(rfcSalt)
	if err != nil {
		t.Fatal(err)
	}
	v, err := Derive("pencil", salt, 4096)
	if err != nil {
		t.Fatal(err)
	}
	if v.String() != rfcVerifier {
		t.Errorf("got %s, want %s", v, rfcVerifier)
	}
}

func TestParse(t *testing.T) {
	v, err := Parse(rfcVerifier)
	if err != nil {
		t.Fatal(err)
	}
	if v.String() != rfcVerifier || !v.Matches("pencil") || v.Matches("pencil ") || v.Matches("") {
		t.Errorf("%s does not match its own password, or another", v)
	}
	for _, text := range []string{
		"", "pencil", "SCRAM-SHA-256", "SCRAM-SHA-256$", "md5d9a1b4b8a6d3b5f1d0d4e5d9a1b4b8a6",
		strings.Replace(rfcVerifier, "4096", "0", 1), strings.Replace(rfcVerifier, "4096", "-1", 1),
		strings.Replace(rfcVerifier, "4096", "999999999", 1), strings.Replace(rfcVerifier, "4096", "x", 1),
		strings.Replace(rfcVerifier, rfcSalt, "", 1), strings.Replace(rfcVerifier, "WG5d", "WG5", 1),
		strings.Replace(rfcVerifier, "wfPL", "", 1), rfcVerifier + "=", strings.Replace(rfcVerifier, "-256", "-1", 1),
	} {
		if v, err := Parse(text); err == nil {
			t.Errorf("%q was taken for %s", text, v)
		} else if text != "" && strings.Contains(err.Error(), text) && text != "SCRAM-SHA-256" {
			t.Errorf("the error shows the text: %v", err)
		}
	}
}

func TestNewIsSaltedAndPrepared(t *testing.T) {
	a, err := New("pässword")
	if err != nil {
		t.Fatal(err)
	}
	b, err := New("pässword")
	if err != nil {
		t.Fatal(err)
	}
	if a.String() == b.String() {
		t.Error("two verifiers of one password are the same")
	}
	// SASLprep: a soft hyphen is dropped, a wide space is a space, and letters are
	// composed; a password it refuses is taken as it is.
	for _, same := range [][2]string{{"I\u00adX", "IX"}, {"a\u00a0b", "a b"}, {"pa\u0308ss", "p\u00e4ss"}, {"\u0627\u0031", "\u0627\u0031"}, {"\xff\xfe", "\xff\xfe"}} {
		v, err := New(same[0])
		if err != nil {
			t.Fatal(err)
		}
		if !v.Matches(same[1]) {
			t.Errorf("%q is not %q", same[0], same[1])
		}
	}
}

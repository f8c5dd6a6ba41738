package decode

import "testing"

func TestIsASCII(t *testing.T) {
	t.Parallel()
	for n := range 40 {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(1 + i*126/40)
		}
		if !IsASCII(b) {
			t.Errorf("%q is not", b)
		}
		for i := range b {
			for _, wrong := range []byte{0, 0x80, 0xc3, 0xff} {
				was := b[i]
				if b[i] = wrong; IsASCII(b) {
					t.Errorf("%q is", b)
				}
				b[i] = was
			}
			was := b[i]
			if b[i] = 0x7f; !IsASCII(b) {
				t.Errorf("%q is not", b)
			}
			b[i] = was
		}
	}
}

package auth

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
)

// Method is how a client proves who it is.
type Method string

// The methods.
const (
	Trust  Method = "trust"  // not at all
	SCRAM  Method = "scram"  // by a password
	Cert   Method = "cert"   // by a certificate whose common name is the role
	Reject Method = "reject" // it can't
)

// Rule is one line of the rules.
type Rule struct {
	TLS      bool           // it is for encrypted connections only
	Role     string         // "": for all
	Networks []netip.Prefix // nil: from everywhere
	Method   Method
	text     string
}

// Rules are searched from the first on; the first that fits a connection holds.
type Rules []Rule

var loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}

// ParseRules reads rules of four words: any or tls, a role or all, an address,
// a network, loopback or all, and a method. A rule of nothing but a method is for
// everybody.
func ParseRules(lines []string) (Rules, error) {
	var rules Rules
	var errs []error
	for _, line := range lines {
		r, err := parseRule(line)
		if err != nil {
			errs = append(errs, fmt.Errorf("%q: %w", line, err))
		}
		rules = append(rules, r)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return rules, nil
}

func parseRule(line string) (Rule, error) {
	words := strings.Fields(line)
	r := Rule{text: strings.Join(words, " ")}
	if len(words) == 1 {
		words = []string{"any", "all", "all", words[0]}
	}
	if len(words) != 4 {
		return r, errors.New("a rule has four words: any or tls, a role or all, an address, and trust, scram, cert or reject")
	}
	switch words[0] {
	case "any":
	case "tls":
		r.TLS = true
	default:
		return r, fmt.Errorf("the first word is any or tls, not %q", words[0])
	}
	if words[1] != "all" {
		r.Role = words[1]
	}
	switch words[2] {
	case "all":
	case "loopback":
		r.Networks = loopback
	default:
		network, err := parseNetwork(words[2])
		if err != nil {
			return r, fmt.Errorf("the third word is an address such as 192.0.2.7, a network such as 192.0.2.0/24, loopback or all, not %q", words[2])
		}
		r.Networks = []netip.Prefix{network}
	}
	r.Method = Method(words[3])
	if !slices.Contains([]Method{Trust, SCRAM, Cert, Reject}, r.Method) {
		return r, fmt.Errorf("the method is trust, scram, cert or reject, not %q", words[3])
	}
	return r, nil
}

func parseNetwork(text string) (netip.Prefix, error) {
	if address, err := netip.ParseAddr(text); err == nil {
		return netip.PrefixFrom(address.Unmap(), address.Unmap().BitLen()), nil
	}
	network, err := netip.ParsePrefix(text)
	return network.Masked(), err
}

// String returns the rule as it was written.
func (r Rule) String() string { return r.text }

func (r Rule) fits(role string, from netip.Addr, encrypted bool) bool {
	return (encrypted || !r.TLS) && (r.Role == "" || r.Role == role) &&
		(r.Networks == nil || slices.ContainsFunc(r.Networks, func(p netip.Prefix) bool { return p.Contains(from) }))
}

// find returns the method that holds; Reject when no rule fits.
func (rules Rules) find(role string, from netip.Addr, encrypted bool) Method {
	for _, r := range rules {
		if r.fits(role, from, encrypted) {
			return r.Method
		}
	}
	return Reject
}

// TrustsOthers returns a rule that lets clients of other machines in without
// proof, if there is one. A rule before it may take clients away from it again;
// that is not looked at.
func (rules Rules) TrustsOthers() (Rule, bool) {
	i := slices.IndexFunc(rules, func(r Rule) bool {
		return r.Method == Trust && (r.Networks == nil || slices.ContainsFunc(r.Networks, func(p netip.Prefix) bool {
			return !slices.ContainsFunc(loopback, func(l netip.Prefix) bool { return l.Overlaps(p) && l.Bits() <= p.Bits() })
		}))
	})
	if i < 0 {
		return Rule{}, false
	}
	return rules[i], true
}

// Uses reports whether a rule has the method.
func (rules Rules) Uses(m Method) bool {
	return slices.ContainsFunc(rules, func(r Rule) bool { return r.Method == m })
}

// addressOf returns a client's address, the zero one if it has none that is a
// network's.
func addressOf(remote net.Addr) netip.Addr {
	if tcp, ok := remote.(*net.TCPAddr); ok {
		return tcp.AddrPort().Addr().Unmap().WithZone("")
	}
	return netip.Addr{}
}

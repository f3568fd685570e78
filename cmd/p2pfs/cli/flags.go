package cli

import (
	"errors"
	"fmt"
	"log/slog"
	"math"
	"math/big"
	"strings"

	"github.com/spf13/pflag"
)

// value is a flag with one value of type T.
type value[T any] struct {
	p      *T
	kind   string // how usage names the value
	parse  func(string) (T, error)
	format func(T) string
}

var _ pflag.Value = value[int64]{}

func (v value[T]) Set(s string) error {
	x, err := v.parse(s)
	if err == nil {
		*v.p = x
	}
	return err
}

func (v value[T]) String() string { return v.format(*v.p) }
func (v value[T]) Type() string   { return v.kind }

// list is a flag that may be given more than once.
type list[T any] struct {
	p     *[]T
	kind  string
	parse func(string) (T, error)
}

var _ pflag.Value = list[string]{}

func (v list[T]) Set(s string) error {
	x, err := v.parse(s)
	if err == nil {
		*v.p = append(*v.p, x)
	}
	return err
}

// String returns the empty string: no list of ours has a default.
func (v list[T]) String() string { return "" }
func (v list[T]) Type() string   { return v.kind }

// ListFlag returns a flag that may be given more than once; each appends to *p.
func ListFlag[T any](p *[]T, kind string, parse func(string) (T, error)) pflag.Value {
	return list[T]{p: p, kind: kind, parse: parse}
}

// SizeFlag returns a flag for a count of bytes. It begins as *p.
func SizeFlag(p *int64) pflag.Value {
	return value[int64]{p: p, kind: "size", parse: parseSize, format: FormatSize}
}

// KeepFreeFlag is SizeFlag for a size that shows no default: it begins below 0.
func KeepFreeFlag(p *int64) pflag.Value {
	return value[int64]{p: p, kind: "size", parse: parseSize, format: func(n int64) string {
		if n < 0 {
			return ""
		}
		return FormatSize(n)
	}}
}

// minRate is the least limit on a rate: a block of 16 KiB in 16 seconds. With
// less, peers take us for dead.
const minRate = 1 << 10

// RateFlag returns a flag for bytes a second, 0 for no limit.
func RateFlag(p *int64) pflag.Value {
	return value[int64]{p: p, kind: "rate", parse: parseRate, format: FormatSize}
}

// parseRate reads a size, with or without "/s" behind it.
func parseRate(s string) (int64, error) {
	n, err := parseSize(strings.TrimSuffix(s, "/s"))
	if err != nil {
		return 0, errors.New("want bytes a second, such as 500KiB or 2MiB, or 0 for no limit")
	}
	if n > 0 && n < minRate {
		return 0, fmt.Errorf("want at least %s a second, or 0 for no limit", FormatSize(minRate))
	}
	return n, nil
}

// units are the factors of parseSize by lower-case suffix. As with dd, a
// letter alone is binary and one with a B decimal.
var units = map[string]int64{
	"": 1, "b": 1,
	"k": 1 << 10, "kib": 1 << 10, "kb": 1e3,
	"m": 1 << 20, "mib": 1 << 20, "mb": 1e6,
	"g": 1 << 30, "gib": 1 << 30, "gb": 1e9,
	"t": 1 << 40, "tib": 1 << 40, "tb": 1e12,
}

// parseSize reads a count of bytes: a decimal number, fractions allowed, and
// a unit (B, KiB, MiB, GiB, TiB, kB, MB, GB, TB, K, M, G, T in either case).
func parseSize(s string) (int64, error) {
	bad := errors.New("want a size such as 2GiB, 500MB, 64KiB or a count of bytes")
	if len(s) > 40 { // what big.Rat takes grows with the square of it
		return 0, bad
	}
	end := strings.IndexFunc(s, func(r rune) bool { return (r < '0' || r > '9') && r != '.' })
	if end < 0 {
		end = len(s)
	}
	unit, ok := units[strings.ToLower(strings.TrimSpace(s[end:]))]
	// big.Rat also reads exponents and fractions, which cannot get here.
	x, isNumber := new(big.Rat).SetString(s[:end])
	if !ok || !isNumber {
		return 0, bad
	}
	x.Mul(x, new(big.Rat).SetInt64(unit))
	n := new(big.Int).Quo(x.Num(), x.Denom())
	if !n.IsInt64() {
		return 0, fmt.Errorf("larger than %s", FormatSize(math.MaxInt64))
	}
	return n.Int64(), nil
}

// FormatSize writes n as parseSize reads it, without loss.
func FormatSize(n int64) string {
	for _, unit := range []string{"TiB", "GiB", "MiB", "KiB"} {
		if f := units[strings.ToLower(unit)]; n != 0 && n%f == 0 {
			return fmt.Sprintf("%d%s", n/f, unit)
		}
	}
	return fmt.Sprint(n)
}

// LevelFlag returns a flag for the least level of log lines that are written.
func LevelFlag(p *slog.Level) pflag.Value {
	return value[slog.Level]{p: p, kind: "level", parse: parseLevel, format: func(l slog.Level) string {
		return strings.ToLower(l.String())
	}}
}

func parseLevel(s string) (slog.Level, error) {
	for _, l := range []slog.Level{slog.LevelDebug, slog.LevelInfo, slog.LevelWarn, slog.LevelError} {
		if strings.EqualFold(s, l.String()) {
			return l, nil
		}
	}
	return 0, fmt.Errorf("want debug, info, warn or error")
}

// ChoiceFlag returns a flag that takes one of a few words.
func ChoiceFlag(p *string, kind string, choices ...string) pflag.Value {
	parse := func(s string) (string, error) {
		for _, c := range choices {
			if s == c {
				return s, nil
			}
		}
		return "", fmt.Errorf("want %s", strings.Join(choices, " or "))
	}
	return value[string]{p: p, kind: kind, parse: parse, format: func(s string) string { return s }}
}

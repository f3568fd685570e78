package netflags

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"github.com/spf13/pflag"
)

func TestNetFlags(t *testing.T) {
	fs := pflag.NewFlagSet("x", pflag.ContinueOnError)
	n := Add(fs, slog.LevelWarn)
	if got := n.Listen.HostPort(); got != ":" || n.Level != slog.LevelWarn || n.NoPEX || n.NoLSD {
		t.Errorf("unset: got listen %q, level %v", got, n.Level)
	}
	err := fs.Parse([]string{
		"--tracker", "udp://127.0.0.1:6969", "--tracker=https://t.example/announce", "--peer", "127.0.0.2:1", "--peer", "host:2",
		"--no-pex", "--no-lsd", "--listen", "127.0.0.3", "--state", "/s", "--log-level", "DEBUG",
		"--upload-limit", "2MiB", "--download-limit=64KiB/s",
	})
	if err != nil {
		t.Fatal(err)
	}
	if strings.Join(n.Trackers, " ") != "udp://127.0.0.1:6969 https://t.example/announce" || strings.Join(n.Peers, " ") != "127.0.0.2:1 host:2" ||
		n.Listen.HostPort() != "127.0.0.3:" || !n.NoPEX || !n.NoLSD || n.State != "/s" || n.Level != slog.LevelDebug || n.Up != 2<<20 || n.Down != 64<<10 {
		t.Errorf("got %+v", n)
	}
	for _, args := range [][]string{
		{"--tracker", "http://127.0.0.1/x"}, {"--tracker", "wss://t.example/announce"}, {"--tracker", "udp://t.example"}, {"--tracker", "file:///etc/passwd"}, {"--tracker", ""},
		{"--peer", "host"}, {"--listen", "host"}, {"--log-level", "loud"}, {"--listen"},
		{"--upload-limit", "1"}, {"--download-limit", "-1MiB"},
	} {
		if err := fs.Parse(args); err == nil {
			t.Errorf("%q: want an error", args)
		}
	}
	usage := fs.FlagUsages()
	for _, want := range []string{"--listen addr:port", "--tracker url", "--peer host:port", "--state directory", "--log-level level", "(default warn)",
		"--upload-limit rate", "--download-limit rate"} {
		if !strings.Contains(usage, want) {
			t.Errorf("usage lacks %q:\n%s", want, usage)
		}
	}
}

func TestNewLog(t *testing.T) {
	var out bytes.Buffer
	log := NewLog(&out, slog.LevelWarn)
	log.Info("quiet")
	log.Warn("all trackers silent", "tracker", "udp://a b\x1b")
	if got := out.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, `level=WARN msg="all trackers silent" tracker="udp://a b\x1b"`) {
		t.Errorf("got %q, want one line", got)
	}
}

package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"p2pfs/cmd/p2pfs/cli"
	"p2pfs/cmd/p2pfs/torrents"
	"p2pfs/swarm/metainfo"
)

// twoFiles is a v1 torrent of two files, a directory and a name that is not
// for terminals, with a pad file, a symbolic link, two tiers and a web seed.
const twoFiles = "d" +
	"8:announce18:udp://a.example:8013:announce-listll18:udp://a.example:80el18:udp://b.example:81ee" +
	"7:comment4:h\x1b[m10:created by4:test13:creation datei1000000000e" +
	"4:infod5:filesl" +
	"d4:attr1:x6:lengthi5e4:pathl3:sub3:runee" +
	"d4:attr1:p6:lengthi16379e4:pathl4:.pad5:16379ee" +
	"d6:lengthi7e4:pathl4:a\nb.ee" +
	"d4:attr1:l6:lengthi0e4:pathl4:linke12:symlink pathl3:sub3:runee" +
	"e4:name3:dir12:piece lengthi16384e6:pieces40:aaaaaaaaaaaaaaaaaaaabbbbbbbbbbbbbbbbbbbb7:privatei1e6:source2:us" +
	"e8:url-list17:http://w.example/e"

func writeTemp(t *testing.T, name, data string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(data), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestShowTorrent(t *testing.T) {
	r := runArgs(t, "show", writeTemp(t, "x.torrent", twoFiles))
	r.want(t, cli.ExitDone, "dir\n")
	for _, want := range []string{
		"format       v1\n", "size         12 B (12 bytes), 3 files\n", "pieces       2 of 16.0 KiB\n", "private      yes\n",
		"source       us\n", `comment      "h\x1b[m"`, "created by   test\n", "created      2001-09-09T01:46:40Z\n",
		"udp://a.example:80 (tier 1)", "udp://b.example:81 (tier 2)", "web seed     http://w.example/\n",
		"magnet       magnet:?xt=urn:btih:", "5  sub/run (executable)\n", `7  "a\nb."`, "0  link -> sub/run\n",
	} {
		if !strings.Contains(r.stdout, want) {
			t.Errorf("show lacks %q:\n%s", want, r.stdout)
		}
	}
	if strings.Contains(r.stdout, ".pad") || strings.Contains(r.stdout, "infohash v2") {
		t.Errorf("show tells of what is not there:\n%s", r.stdout)
	}
}

func TestShowJSON(t *testing.T) {
	r := runArgs(t, "show", "--json", writeTemp(t, "x.torrent", twoFiles))
	r.want(t, cli.ExitDone, "{")
	var f torrents.Facts
	if err := json.Unmarshal([]byte(r.stdout), &f); err != nil {
		t.Fatal(err)
	}
	if f.Name != "dir" || f.Size != 12 || len(f.Files) != 3 || f.Files[1].Path != "a\nb." || !f.Files[0].Exec ||
		f.Files[2].Symlink != "sub/run" || len(f.Trackers) != 2 || f.Created.Unix() != 1e9 || len(f.InfoHashV1) != 40 || !f.Private {
		t.Errorf("got %+v", f)
	}
	r = runArgs(t, "show", "--json", "magnet:?xt=urn:btih:"+f.InfoHashV1)
	r.want(t, cli.ExitDone, `"trackers": []`)
}

func TestShowMagnet(t *testing.T) {
	const v1, v2 = "0123456789abcdef0123456789abcdef01234567", "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
	r := runArgs(t, "show", "Magnet:?xt=urn:btih:"+strings.ToUpper(v1)+"&xt=urn:btmh:1220"+v2+
		"&dn=a%20name&tr=udp%3A%2F%2Ft.example%3A80&x.pe=127.0.0.1:6881&xl=1000&so=0,2-4")
	r.want(t, cli.ExitDone, "\"a name\"\n")
	for _, want := range []string{"hybrid\n", v1, v2, "1000 B (1000 bytes)\n", "udp://t.example:80 (tier 1)", "127.0.0.1:6881", "0,2-4\n"} {
		if !strings.Contains(r.stdout, want) {
			t.Errorf("show lacks %q:\n%s", want, r.stdout)
		}
	}
	if strings.Contains(r.stdout, "files") {
		t.Errorf("show lists files that a magnet does not know:\n%s", r.stdout)
	}
}

func TestShowErrors(t *testing.T) {
	big, err := os.Create(filepath.Join(t.TempDir(), "big"))
	if err != nil {
		t.Fatal(err)
	}
	defer big.Close()
	if err := big.Truncate(metainfo.MaxInfo + 1); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ arg, want string }{
		{"no.torrent", "no such file"},
		{t.TempDir(), "is a directory"},
		{writeTemp(t, "x", ""), "x: "},
		{writeTemp(t, "x\x1b[31m", "hello"), `x\x1b[31m`},
		{writeTemp(t, "x", twoFiles[:len(twoFiles)-1]), "x: "},
		{writeTemp(t, "x", strings.Replace(twoFiles, "3:sub3:run", "2:..3:run", 1)), "x: "},
		{big.Name(), "larger than 16.0 MiB"},
		{"magnet:?xt=urn:btih:00", "magnet"},
		{"magnet:", "magnet"},
	} {
		runArgs(t, "show", tt.arg).want(t, cli.ExitFailed, tt.want)
	}
}

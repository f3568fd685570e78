package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"strconv"
	"strings"
	"testing"

	"p2pfs/cmd/p2pfs/control"
	"p2pfs/cmd/p2pfs/human"
	"p2pfs/cmd/p2pfs/netflags"
	"p2pfs/cmd/p2pfs/torrents"
)

// What a name may hold is printed so that no terminal acts on it, in any form of
// output.
func TestNothingPrintedActsOnTerminals(t *testing.T) {
	for _, evil := range []string{"\x1b]0;x\x07", "a\u202eb", "\u2066", "\u061c", "\u009b31m", "\x7f", "\r", "\u200f", "\U000e0041"} {
		var asJSON bytes.Buffer
		if err := human.WriteJSON(&asJSON, map[string]string{"name": evil}); err != nil {
			t.Fatal(err)
		}
		var back map[string]string
		if err := json.Unmarshal(asJSON.Bytes(), &back); err != nil || back["name"] != evil {
			t.Errorf("%q in JSON reads %q, %v", evil, back["name"], err)
		}
		var log, shown bytes.Buffer
		netflags.NewLog(&log, slog.LevelInfo).Info(evil, "name", evil, "err", errors.New(evil), evil, 1)
		if err := (torrents.Facts{Name: evil, Comment: evil, Files: []torrents.FileFacts{{Path: evil, Symlink: evil}}}).Write(&shown); err != nil {
			t.Fatal(err)
		}
		status := control.Status{
			Drive: evil, Name: evil, Trackers: []control.Tracker{{URL: evil, Error: evil}}, Notices: []string{evil},
			Members: []control.Member{{Name: evil}}, Torrents: []control.Torrent{{Name: evil, Error: evil}}, Waiting: []control.Wait{{Path: evil, Why: evil}},
		}
		for what, text := range map[string]string{
			"quoted": human.Quoted(evil), "one line": human.OneLine(evil), "JSON": asJSON.String(), "log": log.String(),
			"show": shown.String(), "status": status.String(),
		} {
			for _, r := range text {
				if r != '\n' && !strconv.IsPrint(r) {
					t.Errorf("%s of %q prints %q", what, evil, text)
					break
				}
			}
		}
	}
}

// A member cannot call himself so that his line of the status looks like another's.
func TestNamesForgeNoStatusLine(t *testing.T) {
	key := strings.Repeat("ab", 32)
	for _, name := range []string{"x (11111111)  10.0.0.7:6881", `x" (11111111)`, "a  b", " x"} {
		line := control.Member{Name: name, Key: key, Connected: true, Addr: "10.9.9.9:1"}.String()
		want := strconv.Quote(name) + " (abababababababab)  10.9.9.9:1  "
		if !strings.HasPrefix(line, want) {
			t.Errorf("got %s, want %s...", line, want)
		}
	}
}

package record

import (
	"testing"
	"time"
)

func TestNextRun(t *testing.T) {
	now := time.Unix(0, 1000)
	for name, c := range map[string]struct {
		last  run
		had   bool
		place string
		want  int64 // epoch
	}{
		"first":                    {run{}, false, "a", 1000},
		"clean":                    {run{5, true, "a"}, true, "a", 5},
		"clean, other boot":        {run{5, true, "a"}, true, "b", 5},
		"killed":                   {run{5, false, "a"}, true, "a", 5},
		"power cut":                {run{5, false, "a"}, true, "b", 1000},
		"power cut, clock is back": {run{5000, false, "a"}, true, "b", 5001},
		"killed, places unknown":   {run{5, false, ""}, true, "", 1000},
	} {
		got := c.last.next(c.had, c.place, now)
		if want := (run{c.want, false, c.place}); got != want {
			t.Errorf("%s: got %+v, want %+v", name, got, want)
		}
		got.clean = true
		if back, ok := decodeRun(got.encode()); !ok || back != got {
			t.Errorf("%s: %+v became %+v", name, got, back)
		}
	}
}

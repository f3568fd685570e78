package swarm

import (
	"fmt"
	"testing"

	"p2pfs/swarm/metainfo"
)

func TestTrackersOfASpec(t *testing.T) {
	own := [][]string{{"udp://t:1", "udp://u:1"}}
	public, private := &metainfo.Info{}, &metainfo.Info{Private: true}
	for _, tt := range []struct {
		name string
		spec Spec
		want string
	}{
		{"public", Spec{MetaInfo: &metainfo.MetaInfo{Info: public, Trackers: own}, Trackers: []string{"a", "b"}}, "[[a] [b] [udp://t:1 udp://u:1]]"},
		{"private", Spec{MetaInfo: &metainfo.MetaInfo{Info: private, Trackers: own}, Trackers: []string{"a"}}, "[[udp://t:1 udp://u:1]]"},
		{"private without trackers", Spec{MetaInfo: &metainfo.MetaInfo{Info: private}, Trackers: []string{"a"}}, "[[a]]"},
		{"magnet", Spec{Magnet: &metainfo.Magnet{Trackers: own[0]}, Trackers: []string{"a"}}, "[[a] [udp://t:1] [udp://u:1]]"},
	} {
		if got := fmt.Sprint(tt.spec.tiers()); got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.name, got, tt.want)
		}
	}
}

package places

import (
	"fmt"
	"net/netip"
	"testing"
	"time"
)

func at(id int, group string, age time.Duration, now time.Time) Place {
	return Place{
		ID: id, Group: netip.MustParsePrefix(group), Since: now.Add(-age), Active: now.Add(-age),
	}
}

func TestWhoKeepsHisPlace(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	var list []Place
	for i := range 12 {
		list = append(list, at(i, fmt.Sprintf("10.0.0.%d/32", i), time.Hour+time.Duration(i)*time.Minute, now))
	}
	list[0].Served, list[1].Served, list[2].Served = 1000, 900, 800
	list[3].Met, list[4].Met = true, true
	newcomer := at(99, "10.9.9.9/32", 0, now)
	gone := map[int]bool{}
	rule := Rule{Max: 16} // of which four are for those whom we dial
	for range 20 {
		victim, err := rule.Admit(list, newcomer, now)
		if err != nil {
			break
		}
		if victim < 0 {
			t.Fatal("admitted beyond the bound")
		}
		gone[victim] = true
		for i := range list {
			if list[i].ID == victim {
				list[i] = at(100+len(gone), fmt.Sprintf("10.1.0.%d/32", len(gone)), 0, now)
			}
		}
	}
	for _, id := range []int{0, 1, 2, 3, 4, 11} {
		if gone[id] {
			t.Errorf("%d had to go", id)
		}
	}
	if len(gone) == 0 || len(gone) > 6 {
		t.Errorf("gone are %v", gone)
	}
}

func TestTheLargestGroupMakesRoom(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	var list []Place
	for i := range 8 {
		list = append(list, at(i, "192.0.2.0/24", time.Duration(60-i)*time.Second, now))
	}
	list[7].Trusted = true
	for i := range 4 {
		list = append(list, at(10+i, fmt.Sprintf("10.0.0.%d/32", i), time.Second, now))
	}
	for i := range 4 {
		x := at(20+i, "192.0.2.0/24", time.Second, now)
		x.Dialled = true
		list = append(list, x)
	}
	rule := Rule{Max: 16}
	other := at(99, "10.9.9.9/32", 0, now)
	if victim, err := rule.Admit(list, other, now); victim != 6 || err != nil {
		t.Errorf("for a newcomer of another group: got %d, %v, want 6", victim, err)
	}
	same := at(99, "192.0.2.0/24", 0, now)
	if victim, err := rule.Admit(list, same, now); err == nil && (victim < 0 || victim > 6) {
		t.Errorf("for one of the same group %d goes", victim)
	}
	dialled := other
	dialled.Dialled = true
	if _, err := rule.Admit(list, dialled, now); err != ErrFull {
		t.Errorf("a fifth dialled one: %v", err)
	}
	if victim, err := rule.Admit(list[:15], dialled, now); victim != -1 || err != nil {
		t.Errorf("a fourth dialled one: got %d, %v", victim, err)
	}
}

func TestArrivalsOfManyGroupsAreBounded(t *testing.T) {
	a, now := newArrivals[netip.Prefix](groupPerS, groupBurst), time.Unix(1_700_000_000, 0)
	let := 0
	for i := range 3 * maxArrivals {
		if a.allow(netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), 32), now) {
			let++
		}
	}
	if len(a.of) > maxArrivals+1 || let > maxArrivals+groupBurst {
		t.Errorf("%d groups known, %d let in", len(a.of), let)
	}
	now = now.Add(2 * time.Minute)
	a.forget(now)
	if !a.allow(netip.MustParsePrefix("192.0.2.0/24"), now) || len(a.of) > 2 {
		t.Errorf("after a while: %d groups known", len(a.of))
	}
}

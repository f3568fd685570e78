//go:build race

package metainfo

func init() { raceEnabled = true }

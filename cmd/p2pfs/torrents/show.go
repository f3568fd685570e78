package torrents

import (
	"context"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/pflag"

	"p2pfs/cmd/p2pfs/cli"
	"p2pfs/cmd/p2pfs/human"
	"p2pfs/cmd/p2pfs/state"
	"p2pfs/swarm/metainfo"
)

func Show() cli.Command {
	return cli.Command{
		Name:    "show",
		Args:    "FILE.torrent|MAGNET",
		Summary: "show what a torrent file or a magnet says",
		Help:    "Nothing is asked of the network. What a terminal should not see is quoted.",
		Min:     1, Max: 1,
		Setup: func(fs *pflag.FlagSet) cli.Action {
			asJSON := fs.Bool("json", false, "write JSON; sizes are bytes")
			return func(_ context.Context, c cli.Call) error {
				facts, err := readFacts(c.Args[0])
				if err != nil {
					return err
				}
				if *asJSON {
					return human.WriteJSON(c.Stdout, facts)
				}
				return facts.Write(c.Stdout)
			}
		},
	}
}

// Facts are what a torrent or magnet says; what it does not say is the zero
// value. The keys of the JSON form are for scripts and stay.
type Facts struct {
	Name        string     `json:"name"`
	Format      string     `json:"format"` // v1, v2 or hybrid
	InfoHashV1  string     `json:"infohash_v1,omitempty"`
	InfoHashV2  string     `json:"infohash_v2,omitempty"`
	Size        int64      `json:"size"`
	PieceLength int64      `json:"piece_length,omitempty"`
	Pieces      int        `json:"pieces,omitempty"`
	Private     bool       `json:"private"`
	Source      string     `json:"source,omitempty"`
	Comment     string     `json:"comment,omitempty"`
	CreatedBy   string     `json:"created_by,omitempty"`
	Created     *time.Time `json:"created,omitempty"`
	Trackers    [][]string `json:"trackers"` // in tiers
	WebSeeds    []string   `json:"web_seeds,omitempty"`
	Peers       []string   `json:"peers,omitempty"`
	Selected    string     `json:"selected,omitempty"` // files, as BEP 53 writes it
	// MissingLayers counts files whose piece hashes have to come from peers.
	MissingLayers int         `json:"missing_layers,omitempty"`
	Magnet        string      `json:"magnet"`
	Files         []FileFacts `json:"files"`
}

// FileFacts are what a torrent says of one file.
type FileFacts struct {
	Path    string `json:"path"`
	Size    int64  `json:"size"`
	Root    string `json:"pieces_root,omitempty"`
	Exec    bool   `json:"exec,omitempty"`
	Symlink string `json:"symlink,omitempty"`
}

// readFacts reads the torrent file that arg names, or the magnet that it is.
func readFacts(arg string) (Facts, error) {
	if IsMagnet(arg) {
		m, err := metainfo.ParseMagnet(arg)
		return magnetFacts(m), err
	}
	m, err := ReadMetaInfo(arg)
	if err != nil {
		return Facts{}, err
	}
	return factsOf(m), nil
}

// ReadMetaInfo reads a torrent file.
func ReadMetaInfo(path string) (*metainfo.MetaInfo, error) {
	data, err := state.ReadTorrent(path)
	if err != nil {
		return nil, err
	}
	m, err := metainfo.Parse(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", human.Quoted(path), err)
	}
	return m, nil
}

// format returns the name of the versions, as create's --format takes it.
func format(v1, v2 bool) string {
	switch {
	case v1 && v2:
		return "hybrid"
	case v2:
		return "v2"
	default:
		return "v1"
	}
}

func magnetFacts(m metainfo.Magnet) Facts {
	f := Facts{
		Name: m.Name, Format: format(m.HasV1, m.HasV2), Size: m.Length, Peers: m.Peers,
		Trackers: [][]string{}, Magnet: m.String(), Files: []FileFacts{},
	}
	for _, url := range m.Trackers {
		f.Trackers = append(f.Trackers, []string{url})
	}
	if m.HasV1 {
		f.InfoHashV1 = m.V1.String()
	}
	if m.HasV2 {
		f.InfoHashV2 = m.V2.String()
	}
	var ranges []string
	for _, r := range m.Select {
		s := fmt.Sprint(r.First)
		if r.Last != r.First {
			s += fmt.Sprint("-", r.Last)
		}
		ranges = append(ranges, s)
	}
	f.Selected = strings.Join(ranges, ",")
	return f
}

func factsOf(m *metainfo.MetaInfo) Facts {
	in := m.Info
	f := magnetFacts(m.Magnet())
	f.Name, f.Size, f.PieceLength, f.Pieces = in.Name, in.Length(), in.PieceLength, in.Pieces.Count()
	f.Private, f.Source, f.Comment, f.CreatedBy = in.Private, in.Source, m.Comment, m.CreatedBy
	f.WebSeeds, f.MissingLayers = m.URLList, len(in.MissingLayers(m.Layers))
	if len(m.Trackers) > 0 {
		f.Trackers = m.Trackers
	}
	if !m.Created.IsZero() {
		created := m.Created.UTC()
		f.Created = &created
	}
	for _, file := range in.Files {
		if file.Pad {
			continue
		}
		ff := FileFacts{Path: strings.Join(file.Path, "/"), Size: file.Length, Exec: file.Exec, Symlink: strings.Join(file.Symlink, "/")}
		if !file.Root.IsZero() {
			ff.Root = file.Root.String()
		}
		f.Files = append(f.Files, ff)
	}
	return f
}

// Write writes the facts for people: what is not said is left out.
func (f Facts) Write(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	row := func(key, value string) {
		if value != "" {
			fmt.Fprintf(w, "%s\t%s\n", key, value)
		}
	}
	text := func(key, value string) {
		if value != "" {
			row(key, human.Quoted(value))
		}
	}
	text("name", f.Name)
	row("format", f.Format)
	row("infohash v1", f.InfoHashV1)
	row("infohash v2", f.InfoHashV2)
	row("size", f.sizes())
	if f.PieceLength > 0 {
		row("pieces", fmt.Sprintf("%d of %s", f.Pieces, human.Size(f.PieceLength)))
	}
	if f.MissingLayers > 0 {
		row("lacking", "piece hashes of "+human.Count(int64(f.MissingLayers), "file"))
	}
	if f.Private {
		row("private", "yes")
	}
	text("source", f.Source)
	text("comment", f.Comment)
	text("created by", f.CreatedBy)
	if f.Created != nil {
		row("created", f.Created.Format(time.RFC3339))
	}
	for i, tier := range f.Trackers {
		for _, url := range tier {
			row("tracker", fmt.Sprintf("%s (tier %d)", human.Quoted(url), i+1))
		}
	}
	for _, url := range f.WebSeeds {
		text("web seed", url)
	}
	for _, peer := range f.Peers {
		text("peer", peer)
	}
	text("selected", f.Selected)
	row("magnet", f.Magnet)
	if err := w.Flush(); err != nil {
		return err
	}
	return f.writeFiles(out)
}

// sizes returns how much the torrent holds, as far as that is known.
func (f Facts) sizes() string {
	var parts []string
	if f.Size > 0 || len(f.Files) > 0 {
		parts = append(parts, fmt.Sprintf("%s (%s)", human.Size(f.Size), human.Count(f.Size, "byte")))
	}
	if n := len(f.Files); n > 0 {
		parts = append(parts, human.Count(int64(n), "file"))
	}
	return strings.Join(parts, ", ")
}

// writeFiles writes the list of files, with sizes in bytes.
func (f Facts) writeFiles(out io.Writer) error {
	if len(f.Files) == 0 {
		return nil
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(w, "\nfiles\n")
	for _, file := range f.Files {
		name := human.Quoted(file.Path)
		switch {
		case file.Symlink != "":
			name += " -> " + human.Quoted(file.Symlink)
		case file.Exec:
			name += " (executable)"
		}
		fmt.Fprintf(w, "%d\t  %s\n", file.Size, name)
	}
	return w.Flush()
}

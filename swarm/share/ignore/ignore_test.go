package ignore

import (
	"bytes"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const rulesFile = ".p2pfsignore"

// ignoreTree is the verdict on a path in a tree of ignore files, by the rules of
// a walk: what is in an ignored directory is not looked at.
func ignoreTree(files map[string]string, p string, isDir bool) bool {
	rules := Temporary()
	dir := ""
	names := strings.Split(p, "/")
	for i, name := range names {
		if text, ok := files[path.Join(dir, rulesFile)]; ok {
			rules = Parse([]byte(text), dir, rules)
		}
		if rules.Ignored(dir, name, isDir || i < len(names)-1) {
			return true
		}
		dir = path.Join(dir, name)
	}
	return false
}

func TestIgnore(t *testing.T) {
	for _, c := range []struct {
		rules string
		no    string // ignored paths; a slash at the end makes a directory
		yes   string
	}{
		{"", ".a a~ a.part a.tmp a.crdownload .git/ d/.b d/e~ .p2pfsignore", "a a.b part a.tmp.b ~a d/ d/e"},
		{"!.name", ".other", ".name d/.name"},
		{"!.*", "a~", ".x .d/ .d/.e"},
		{"# *\n\n*.o", "a.o d/a.o", "# a.c"},
		{"\\#x\n\\!y", "#x !y", "x y"},
		{"/top", "top", "d/top"},
		{"a/b", "a/b a/b/c", "b x/a/b"},
		{"logs/", "logs/ logs/x d/logs/", "logs"},
		{"**/foo", "foo d/foo d/e/foo foo/x", "foo2"},
		{"abc/**", "abc/x abc/d/x", "abc abc/ x/abc/y"},
		{"a/**/b", "a/b a/x/b a/x/y/b", "a/xb b"},
		{"*.log\n!keep.log", "a.log", "keep.log d/keep.log"},
		{"d\n!d/x", "d/x", "x"},
		{"/*\n!/foo\n/foo/*\n!/foo/bar", "a foo/x", "foo/ foo/bar/ foo/bar/y"},
		{"a?c", "abc", "ac abbc"},
		{"[a-c]x\n[!0-9]z\n[]]\n[[:upper:]]", "ax cx az ] Q", "dx 1z q"},
		{"x[\n[z-a]\nq\\", "", "x[ x z q q\\"},
		{"trail   \nkept\\ ", "trail kept\\x20", "kept"},
		{"cr\r", "cr", "crx"},
		{"\ufeffbom", "bom", ""},
		{"a**b", "ab axxb d/axb", "a/b"},
		{"d/a**b", "d/ab d/axb", "d/a/b"},
		{"*", "a d/", ""},
		{"**", "a d/", ""},
		{"/", "", "a d/"},
		{"!", "", "a !"},
	} {
		files := map[string]string{rulesFile: c.rules}
		for _, want := range []bool{true, false} {
			list := c.yes
			if want {
				list = c.no
			}
			for p := range strings.FieldsSeq(list) {
				name, isDir := strings.CutSuffix(strings.ReplaceAll(p, `\x20`, " "), "/")
				if got := ignoreTree(files, name, isDir); got != want {
					t.Errorf("rules %q: ignored(%q) = %v, want %v", c.rules, p, got, want)
				}
			}
		}
	}
}

func TestIgnoreNested(t *testing.T) {
	files := map[string]string{
		rulesFile:            "*.bin\n",
		"d/" + rulesFile:     "!keep.bin\n/local\n",
		"d/e/" + rulesFile:   "keep.bin\nf/g\n",
		"other/" + rulesFile: "!*.bin\n",
	}
	for p, want := range map[string]bool{
		"keep.bin": true, "d/keep.bin": false, "d/x.bin": true, "d/local": true, "d/x/local": false,
		"d/e/keep.bin": true, "d/e/f/g": true, "d/f/g": false, "other/x.bin": false,
	} {
		if got := ignoreTree(files, p, false); got != want {
			t.Errorf("ignored(%q) = %v, want %v", p, got, want)
		}
	}
}

// TestIgnoreLikeGit asks git about the same tree. (git takes a missing path
// for a file.)
func TestIgnoreLikeGit(t *testing.T) {
	if _, err := exec.LookPath("git"); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skip("no git to compare with")
	}
	patterns := []string{
		"a", "/a", "a/", "a/b", "/a/b/", "*", "*.x", "!a", "!*.x", "!/a/b", "**", "**/a", "a/**", "a/**/b", "**/b/**",
		"*a*b*", "a**", "?", "??", "[ab]", "[!a]", "[^a]*", "[]a]", "[a-]", "[--a]", "[[:alpha:]]*", "[[:digit:]x]",
		"[[:nope:]]", "[", "a[", "[a", "[a\\]]", "\\a", "\\*", "a\\/b", "a\\", " a", "a ", "a\\ ", "#a", "\\#a", "\\!a",
		"/", "//a", "a//b", "a/./b", "***", "a/***/b", "*/b", "?/b", "a/?", "[a/]b", "a[/]b", "b.x/", "!b.x/", "\x01", "ä", "[ä]",
		"[[:a]", "[[:]", "[[::]]", "[a-c-e]", "[!]a]", "a/**/", "/**", "**/", "!**/", "/*/", "!/a",
	}
	paths := []string{
		"a", "b", "c", "ab", "a.x", "b.x", "aa", "]", "-", "*", "#a", "!a", "a b", "x", "0", "\\", "[", "[a", "ä", "a ", " a", "x:", "e",
		"a/a", "a/b", "a/c", "a/b/a", "a/b/c", "b/a", "b/b", "b/b/b", "b.x/a", "c/a/b", "c/a", "c/b.x/d", "a/x/y/b", "x/a/b",
	}
	var sets []string
	for i, p := range patterns {
		sets = append(sets, p+"\n", "*\n"+p+"\n", p+"\n!"+patterns[(i*7+3)%len(patterns)]+"\n",
			patterns[(i*11+5)%len(patterns)]+"\n!"+p+"\n"+patterns[(i*13+1)%len(patterns)]+"\n")
	}
	repo := t.TempDir()
	git := func(stdin string, args ...string) []byte {
		cmd := exec.Command("git", append([]string{"-C", repo, "-c", "core.excludesFile=/dev/null"}, args...)...)
		cmd.Env = append(os.Environ(), "GIT_CONFIG_NOSYSTEM=1", "HOME="+repo, "GIT_DIR="+filepath.Join(repo, ".git"), "GIT_WORK_TREE="+repo)
		cmd.Stdin = strings.NewReader(stdin)
		out, err := cmd.Output()
		if exit, ok := err.(*exec.ExitError); err != nil && !(ok && exit.ExitCode() == 1) {
			t.Fatalf("git %v: %v", args, err)
		}
		return out
	}
	git("", "init", "-q")
	if err := os.MkdirAll(filepath.Join(repo, ".git/info"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(repo, ".git/info/exclude"), []byte(temporary), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, set := range sets {
		if err := os.WriteFile(filepath.Join(repo, ".gitignore"), []byte(set), 0o644); err != nil {
			t.Fatal(err)
		}
		out := git(strings.Join(paths, "\x00")+"\x00", "check-ignore", "--no-index", "-z", "--stdin")
		byGit := map[string]bool{}
		for p := range bytes.SplitSeq(bytes.TrimSuffix(out, []byte{0}), []byte{0}) {
			byGit[string(p)] = true
		}
		for _, p := range paths {
			if got := ignoreTree(map[string]string{rulesFile: set}, p, false); got != byGit[p] {
				t.Errorf("rules %q: ignored(%q) = %v, git says %v", set, p, got, byGit[p])
			}
		}
	}
}

func TestIgnoreTakesBoundedTime(t *testing.T) {
	long := strings.Repeat("a", 255)
	deep := strings.Repeat("d/", 63) + long
	rules := strings.Repeat("a*", 100) + "b\n" + strings.Repeat("**/*d/", 40) + "**/x\n" + strings.Repeat("[^b]*", 50) + "b\n"
	set := Parse([]byte(rules), "", nil)
	start := time.Now()
	for range 100 {
		if set.Ignored(path.Dir(deep), long, false) {
			t.Fatal("ignored")
		}
	}
	if took := time.Since(start); took > time.Minute {
		t.Errorf("100 matches took %v", took)
	}
}

func TestIgnoreRulesAreBounded(t *testing.T) {
	set := Parse(bytes.Repeat([]byte("a\n"), 2*maxRules), "", nil)
	if len(set.rules) != maxRules {
		t.Errorf("got %d rules, want %d", len(set.rules), maxRules)
	}
}

// slowGlob is glob by its definition.
func slowGlob(p, s string) bool {
	if p == "" {
		return s == ""
	}
	if p[0] == '*' {
		for i := 0; i <= len(s); i++ {
			if slowGlob(p[1:], s[i:]) {
				return true
			}
		}
		return false
	}
	if s == "" {
		return false
	}
	n, ok := matchOne(p, s[0])
	return ok && slowGlob(p[n:], s[1:])
}

func FuzzIgnore(f *testing.F) {
	f.Add("*.o\n!keep\n/a/**/b/\n", "d/e/f.o")
	f.Add("[[:alpha:]-z]\\", "a/b")
	f.Add("a\\ \n#\n\\!x\r\n", "a ")
	f.Add("**/[!]]*?\n", "x/]")
	f.Fuzz(func(t *testing.T, rules, p string) {
		if len(rules) > 1000 || len(p) > 1000 {
			return
		}
		p = strings.Trim(path.Clean("/"+p), "/")
		if p == "" {
			return
		}
		set := Parse([]byte(rules), "", nil)
		set.Ignored(strings.TrimSuffix(path.Dir(p), "."), path.Base(p), false)
		line, _, _ := strings.Cut(rules, "\n")
		if strings.Count(line, "*") > 4 || len(p) > 40 {
			return
		}
		if got, want := glob(line, p), slowGlob(line, p); got != want {
			t.Errorf("glob(%q, %q) = %v, want %v", line, p, got, want)
		}
	})
}

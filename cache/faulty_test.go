package cache

import (
	"io/fs"
	"sync"
	"time"
)

// faulty is a directory whose calls fail as told.
type faulty struct {
	directory
	f *faults
}

// faults says which calls fail. The zero value lets all pass.
type faults struct {
	mu    sync.Mutex
	fail  func(op, name string) error // nil: no fault
	short int                         // WriteBlocks writes at most that much; 0: all
	free  int64                       // what Free says; 0: the truth
	calls map[string]int
}

// set replaces the rule by which calls fail.
func (f *faults) set(fail func(op, name string) error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fail = fail
}

// always makes the calls named op fail with err.
func (f *faults) always(op string, err error) {
	f.set(func(o, _ string) error {
		if o == op {
			return err
		}
		return nil
	})
}

func (f *faults) at(op, name string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.calls == nil {
		f.calls = make(map[string]int)
	}
	f.calls[op]++
	if f.fail == nil {
		return nil
	}
	return f.fail(op, name)
}

// count returns how often op was called.
func (f *faults) count(op string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.calls[op]
}

// openFaulty is Open with f between the store and the disk.
func openFaulty(cfg Config, f *faults) (*Store, error) {
	s := newStore(cfg)
	s.place.open = func(path string) (directory, error) {
		if err := f.at("opendir", path); err != nil {
			return nil, err
		}
		d, err := openDir(path)
		if err != nil {
			return nil, err
		}
		return faulty{d, f}, nil
	}
	return s, start(s)
}

func (d faulty) Open(name string) (file, error) {
	if err := d.f.at("open", name); err != nil {
		return nil, err
	}
	f, err := d.directory.Open(name)
	if err != nil {
		return nil, err
	}
	return faultyFile{f, d.f, name}, nil
}

func (d faulty) Create(name string) (file, error) {
	if err := d.f.at("create", name); err != nil {
		return nil, err
	}
	f, err := d.directory.Create(name)
	if err != nil {
		return nil, err
	}
	return faultyFile{f, d.f, name}, nil
}

func (d faulty) Rename(from, to string) error {
	if err := d.f.at("rename", from); err != nil {
		return err
	}
	return d.directory.Rename(from, to)
}

func (d faulty) Remove(name string) error {
	if err := d.f.at("remove", name); err != nil {
		return err
	}
	return d.directory.Remove(name)
}

func (d faulty) Mkdir(name string) error {
	if err := d.f.at("mkdir", name); err != nil {
		return err
	}
	return d.directory.Mkdir(name)
}

func (d faulty) Lstat(name string) (info, fs.FileMode, error) {
	if err := d.f.at("lstat", name); err != nil {
		return info{}, 0, err
	}
	return d.directory.Lstat(name)
}

func (d faulty) Touch(name string, atime time.Time) error {
	if err := d.f.at("touch", name); err != nil {
		return err
	}
	return d.directory.Touch(name, atime)
}

func (d faulty) Free() (free, total int64, ok bool) {
	d.f.mu.Lock()
	defer d.f.mu.Unlock()
	if d.f.free != 0 {
		return d.f.free, 100 * d.f.free, true
	}
	return d.directory.Free()
}

// faultyFile is a file whose calls fail as told.
type faultyFile struct {
	file
	f    *faults
	name string
}

func (f faultyFile) ReadAt(p []byte, off int64) (int, error) {
	if err := f.f.at("read", f.name); err != nil {
		return 0, err
	}
	return f.file.ReadAt(p, off)
}

func (f faultyFile) WriteBlocks(blocks [][]byte, off int64) (int, error) {
	err := f.f.at("write", f.name)
	if err == nil && f.f.short == 0 {
		return f.file.WriteBlocks(blocks, off)
	}
	if f.f.short == 0 {
		return 0, err
	}
	n, err1 := f.file.WriteBlocks([][]byte{blocks[0][:min(f.f.short, len(blocks[0]))]}, off)
	if err == nil {
		err = err1
	}
	return n, err
}

func (f faultyFile) Info() (info, error) {
	if err := f.f.at("info", f.name); err != nil {
		return info{}, err
	}
	return f.file.Info()
}

func (f faultyFile) Close() error {
	err := f.file.Close()
	if err1 := f.f.at("close", f.name); err1 != nil {
		err = err1
	}
	return err
}

// Package durable keeps files that survive a power cut.
//
// It promises four things. [WriteFile] replaces a file as a whole: a crash
// leaves the old one or the new one. A directory that [MkdirAll] made is there
// after a power cut. An [Appender] adds frames to the end of a
// file; a crash leaves every frame that was synced, and perhaps part of what was
// not. [Walk] reads frames back and accounts for every byte: a byte is in a
// whole frame or in a reported [Damage], which says whether a power cut can
// explain it (a torn tail) or not.
//
// It does not retry. After a failed fsync nobody knows what is on disk: the file
// refuses further work and its owner starts again from what can be read.
package durable

import (
	"errors"
	"io"
	"io/fs"
	"os"
)

// FS is the part of a file system that durable files need. Names are paths of
// the operating system; errors are those of package os.
type FS interface {
	// OpenFile opens a regular file; flags are those of package os, without
	// O_APPEND. It follows no link and waits for nobody: whatever else lies at
	// that name is an [OddFile].
	OpenFile(name string, flag int, perm fs.FileMode) (File, error)
	// Rename replaces newName by oldName. Durable after SyncDir.
	Rename(oldName, newName string) error
	// Remove deletes a file. Durable after SyncDir.
	Remove(name string) error
	// Mkdir makes a directory. Durable after SyncDir of the one above it.
	Mkdir(name string, perm fs.FileMode) error
	// ReadDir lists a directory in order of name.
	ReadDir(name string) ([]fs.DirEntry, error)
	// Stat describes a file.
	Stat(name string) (fs.FileInfo, error)
	// SyncDir makes the names in a directory durable: creations, renames and
	// removals in it since the last SyncDir.
	SyncDir(name string) error
}

// File is an open file.
type File interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
	// Sync makes the bytes and the size durable. After an error nothing is
	// known about them, and a second Sync must not be believed.
	Sync() error
	// Truncate sets the size. Durable after Sync.
	Truncate(size int64) error
	// Stat describes the file.
	Stat() (fs.FileInfo, error)
}

// OS is the file system of this machine.
var OS FS = osFS{}

type osFS struct{}

func (osFS) OpenFile(name string, flag int, perm fs.FileMode) (File, error) {
	f, err := OpenRegular(name, flag, perm)
	if err != nil {
		return nil, err // not f: a nil *os.File in an interface is not nil
	}
	return f, nil
}

func (osFS) Rename(oldName, newName string) error       { return os.Rename(oldName, newName) }
func (osFS) Remove(name string) error                   { return os.Remove(name) }
func (osFS) Mkdir(name string, perm fs.FileMode) error  { return os.Mkdir(name, perm) }
func (osFS) ReadDir(name string) ([]fs.DirEntry, error) { return os.ReadDir(name) }
func (osFS) Stat(name string) (fs.FileInfo, error)      { return os.Stat(name) }

func (osFS) SyncDir(name string) error {
	d, err := os.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// SPDX-License-Identifier: Apache-2.0

package faults

import (
	"fmt"
	"os"
	"syscall"
)

// disk is a file system of its own, in memory, that can be made full at once: its size is set to what is used.
type disk struct{ dir string }

const diskRoom = "size=1g" // a limit: only what is used takes memory

// mountDisk mounts a disk at dir. It needs the right to mount, and says so.
func mountDisk(dir string) (*disk, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	if err := syscall.Mount("penstock-e2e", dir, "tmpfs", 0, diskRoom); err != nil {
		return nil, fmt.Errorf("mount a small disk (as root only): %w", err)
	}
	return &disk{dir}, nil
}

// fill leaves no room for another page.
func (d *disk) fill() error {
	var s syscall.Statfs_t
	// Writers may take a page between the two calls: then the size is refused, and the next try sees it.
	for range 100 {
		if err := syscall.Statfs(d.dir, &s); err != nil {
			return err
		}
		size := (int64(s.Blocks) - int64(s.Bfree)) * s.Bsize
		err := syscall.Mount("", d.dir, "tmpfs", syscall.MS_REMOUNT, fmt.Sprintf("size=%d", size))
		if err == nil {
			return nil
		}
	}
	return fmt.Errorf("fill the disk at %s: its writers are too fast", d.dir)
}

// empty makes room again.
func (d *disk) empty() error { return syscall.Mount("", d.dir, "tmpfs", syscall.MS_REMOUNT, diskRoom) }

func (d *disk) unmount() { _ = syscall.Unmount(d.dir, syscall.MNT_DETACH) }

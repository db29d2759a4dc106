//go:build ignore

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//
// Remembers of each file who changed its time of change (ctime) last: every write,
// rename, link and change of attributes sets it. It changes nothing, sends nothing
// and holds nobody up; the file that was touched longest ago is forgotten first, and
// with it who had touched it: the next to do so may be told alone, and is not whole.

#include <linux/bpf.h>
#include <linux/stat.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

// Of the kernel's structures only the fields that are read; where they lie is
// looked up in the BTF of the running kernel.
#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct super_block { __u32 s_dev; };
struct hlist_node { struct hlist_node *next; };
struct hlist_head { struct hlist_node *first; };

struct inode {
	__u16 i_mode;
	struct super_block *i_sb;
	unsigned long i_ino;
	__s64 i_ctime_sec;
	struct hlist_head i_dentry;
};

union alias { struct hlist_node d_alias; };

struct dentry {
	struct dentry *d_parent;
	struct inode *d_inode;
	union alias d_u;
};

struct timespec64 {
	__s64 tv_sec;
	long tv_nsec;
};

struct task_struct {
	int tgid;
	__u64 start_boottime;
	struct task_struct *group_leader;
};

#pragma clang attribute pop

#define TOUCHES 3

struct file {
	__u64 inode;
	__u32 device;
	__u32 unused;
};

// One process, when it last touched the file, and the time it set.
struct touch {
	__u64 time;   // since boot
	__u64 start;  // of the process, since boot
	__u64 parent; // inode of the directory it was in until then; 0: it had no name yet, or none any more
	__s64 sec;
	__u32 nsec;
	__u32 pid;
};

// The latest first. A process stands here once for each of its turns.
struct touches {
	struct touch by[TOUCHES];
	__u64 whole; // everybody who ever touched the file is here
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1 << 15);
	__type(key, struct file);
	__type(value, struct touches);
} files SEC(".maps");

static __always_inline int names_known(void)
{
	struct dentry *d = 0;

	return bpf_core_field_exists(d->d_u.d_alias);
}

// parent is the directory of one of a file's names.
static __always_inline __u64 parent(struct inode *inode)
{
	struct hlist_node *alias = BPF_CORE_READ(inode, i_dentry.first);
	struct dentry *d = 0;

	if (!alias || !names_known())
		return 0;
	d = (void *)alias - bpf_core_field_offset(struct dentry, d_u.d_alias);
	return BPF_CORE_READ(d, d_parent, d_inode, i_ino);
}

static __always_inline int touch(struct inode *inode, __s64 sec, __u32 nsec)
{
	struct task_struct *t = (void *)bpf_get_current_task_btf();
	struct file f = {.inode = inode->i_ino};
	struct touch now = {.sec = sec, .nsec = nsec, .pid = t->tgid};
	struct touches fresh = {}, *known;

	if (!S_ISREG(inode->i_mode) && !S_ISLNK(inode->i_mode))
		return 0;
	f.device = inode->i_sb->s_dev;
	now.start = t->group_leader->start_boottime;
	now.time = bpf_ktime_get_boot_ns();
	now.parent = parent(inode);
	known = bpf_map_lookup_elem(&files, &f);
	// A file that was just made has its number from one that is gone.
	if (!known || !now.parent) {
		fresh.by[0] = now;
		fresh.whole = !now.parent && names_known();
		bpf_map_update_elem(&files, &f, &fresh, BPF_ANY);
		return 0;
	}
	if (known->by[0].pid != now.pid || known->by[0].start != now.start) {
		if (known->by[2].pid)
			known->whole = 0;
		known->by[2] = known->by[1];
		known->by[1] = known->by[0];
	}
	known->by[0] = now;
	return 0;
}

// The time is set as it is given: of a new file, and on file systems whose times
// are as coarse as the timer.
SEC("tp_btf/inode_set_ctime_to_ts")
int BPF_PROG(on_set, struct inode *inode, struct timespec64 *ts)
{
	return touch(inode, ts->tv_sec, ts->tv_nsec);
}

// The time is exchanged for a later one.
SEC("tp_btf/ctime_ns_xchg")
int BPF_PROG(on_exchange, struct inode *inode, __u32 old, __u32 new, __u32 cur)
{
	return touch(inode, inode->i_ctime_sec, new);
}

// It was set within the same tick of the timer, and stays.
SEC("tp_btf/ctime_xchg_skip")
int BPF_PROG(on_skip, struct inode *inode, struct timespec64 *ts)
{
	return touch(inode, ts->tv_sec, ts->tv_nsec);
}

char _license[] SEC("license") = "Dual BSD/GPL";

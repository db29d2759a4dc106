//go:build ignore

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//
// Tells user space of every program that is started, every process that is made
// and every process that ends. It changes nothing and holds nobody up: a record
// that finds no room is counted and dropped.

#include <linux/bpf.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

// Of the kernel's structures only the fields that are read; where they lie is
// looked up in the BTF of the running kernel.
#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

typedef struct { __u32 val; } kuid;

struct qstr { const unsigned char *name; };
struct hlist_bl_node { void **pprev; };

struct dentry {
	struct dentry *d_parent;
	struct qstr d_name;
	struct hlist_bl_node d_hash;
};

struct vfsmount { struct dentry *mnt_root; };

struct mount {
	struct mount *mnt_parent;
	struct dentry *mnt_mountpoint;
	struct vfsmount mnt;
};

struct path {
	struct vfsmount *mnt;
	struct dentry *dentry;
};

struct file {
	struct path f_path;
	void *private_data;
};

struct fdtable { struct file **fd; };
struct files_struct { struct fdtable *fdt; };
struct fsnotify_group { unsigned int q_len; };

struct linux_binprm { struct file *file; };

struct mm_struct {
	unsigned long arg_start;
	unsigned long arg_end;
};

struct cred {
	kuid uid;
	kuid gid;
	kuid euid;
};

struct tty_driver { int major, minor_start; };

struct tty_struct {
	struct tty_driver *driver;
	int index;
};

typedef struct { int counter; } number;

struct signal_struct {
	number live;
	struct tty_struct *tty;
};

struct kernfs_node { __u64 id; };
struct cgroup { struct kernfs_node *kn; };
struct css_set { struct cgroup *dfl_cgrp; };

struct task_struct {
	int pid;
	int tgid;
	__u64 start_boottime;
	struct task_struct *group_leader;
	struct mm_struct *mm;
	const struct cred *real_cred;
	struct signal_struct *signal;
	struct files_struct *files;
	struct css_set *cgroups;
	kuid loginuid;          // with CONFIG_AUDIT
	unsigned int sessionid; // with CONFIG_AUDIT
};

#pragma clang attribute pop

enum kind { FORK = 1, EXEC, EXIT };

enum flag {
	CUT_PATH = 1, // the path has more than what is here
	CUT_ARGS = 2, // so has the command line
	NO_ARGS = 4,  // the command line could not be read
	DELETED = 8,  // the program has no name any more
};

#define UNSET (~0U)

// A record is followed by the components of the program's path, last one first,
// each with a NUL, and by the command line as it lay in memory.
struct record {
	__u64 time;         // since boot, as all times here
	__u64 until;        // queued was read between time and this
	__u64 start;        // of the process
	__u64 parent_start; // of the process that made it (fork)
	__u64 cgroup;       // id, in the unified hierarchy
	__u32 kind;
	__u32 flags;
	__u32 pid;
	__u32 parent; // who made it (fork)
	__u32 uid, euid, gid;
	__u32 login_uid;
	__u32 session;
	__u32 tty;    // major << 20 | minor
	__u32 queued; // notifications that waited in the watcher's queue at that moment
	__u16 path_size;
	__u16 args_size;
};

#define MAX_NAME 256  // with its NUL
#define MAX_PATH 1024 // from here on nothing is added
#define MAX_DEPTH 40
#define MAX_ARGS 4096

struct scratch {
	struct record r;
	char data[MAX_PATH + MAX_NAME + MAX_ARGS];
};

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 22);
} records SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct scratch);
} scratches SEC(".maps");

// One counter is added to by every processor; user space only reads them.
__u64 sent, lost;

// The watcher's queue of notifications, found by find_queue.
__u64 queue;

// What user space sets before loading.
const volatile __u32 queue_fd;

static __always_inline __u32 queued(void)
{
	struct fsnotify_group *group = (void *)queue;
	__u32 n = UNSET;

	if (group && bpf_core_field_exists(group->q_len))
		bpf_core_read(&n, sizeof(n), &group->q_len);
	return n;
}

static __always_inline void send(void *r, __u64 size)
{
	if (bpf_ringbuf_output(&records, r, size, BPF_RB_NO_WAKEUP))
		__sync_fetch_and_add(&lost, 1);
	else
		__sync_fetch_and_add(&sent, 1);
}

static __always_inline void describe(struct record *r, struct task_struct *t)
{
	const struct cred *c = t->real_cred;
	struct tty_struct *tty = t->signal->tty;

	r->time = bpf_ktime_get_boot_ns();
	r->start = t->group_leader->start_boottime;
	r->pid = t->tgid;
	r->uid = c->uid.val;
	r->euid = c->euid.val;
	r->gid = c->gid.val;
	r->login_uid = r->session = UNSET;
	if (bpf_core_field_exists(t->loginuid))
		r->login_uid = t->loginuid.val;
	if (bpf_core_field_exists(t->sessionid))
		r->session = t->sessionid;
	if (tty)
		r->tty = tty->driver->major << 20 | (tty->driver->minor_start + tty->index);
	r->cgroup = t->cgroups->dfl_cgrp->kn->id;
	r->queued = queued();
	r->until = bpf_ktime_get_boot_ns();
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(on_fork, struct task_struct *maker, struct task_struct *made)
{
	struct record r = {.kind = FORK};

	if (made->pid != made->tgid)
		return 0; // a thread
	describe(&r, made);
	r.parent = maker->tgid;
	r.parent_start = maker->group_leader->start_boottime;
	send(&r, sizeof(r));
	return 0;
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(on_exit, struct task_struct *t)
{
	struct record r = {.kind = EXIT};

	if (t->signal->live.counter)
		return 0; // another thread goes on
	describe(&r, t);
	send(&r, sizeof(r));
	return 0;
}

// put_name writes one component of a path. Its place is kept in memory and not
// in a register: the verifier would follow every length a path can have.
static __always_inline int put_name(struct scratch *s, const unsigned char *name)
{
	__u16 at = *(volatile __u16 *)&s->r.path_size;
	long n;

	if (at > MAX_PATH)
		return 0;
	n = bpf_probe_read_kernel_str(&s->data[at], MAX_NAME, name);
	if (n <= 0)
		return 0;
	*(volatile __u16 *)&s->r.path_size = at + n;
	return 1;
}

// put_path writes the path of a file, from its name up to the root, over all
// mounts.
static __always_inline void put_path(struct scratch *s, struct file *f)
{
	struct vfsmount *vfs = BPF_CORE_READ(f, f_path.mnt);
	struct dentry *d = BPF_CORE_READ(f, f_path.dentry);
	struct mount *m = (void *)vfs - bpf_core_field_offset(struct mount, mnt);
	int i;

	if (!BPF_CORE_READ(d, d_hash.pprev))
		s->r.flags |= DELETED;
	for (i = 0; i < MAX_DEPTH; i++) {
		struct dentry *up = BPF_CORE_READ(d, d_parent);

		if (d == BPF_CORE_READ(m, mnt.mnt_root)) {
			struct mount *below = BPF_CORE_READ(m, mnt_parent);

			if (below == m)
				return;
			d = BPF_CORE_READ(m, mnt_mountpoint);
			m = below;
			continue;
		}
		if (!put_name(s, BPF_CORE_READ(d, d_name.name)))
			break;
		if (d == up)
			return; // it never was in a directory: a program in memory
		d = up;
	}
	s->r.flags |= CUT_PATH;
}

// put_args writes the command line behind the path and returns its size.
static __always_inline __u64 put_args(struct scratch *s, struct mm_struct *mm, __u64 at)
{
	__u64 size = mm->arg_end - mm->arg_start;

	if (size > MAX_ARGS) {
		size = MAX_ARGS;
		s->r.flags |= CUT_ARGS;
	}
	if (bpf_probe_read_user(&s->data[at], size, (void *)mm->arg_start)) {
		s->r.flags |= NO_ARGS;
		return 0;
	}
	s->r.args_size = size;
	return size;
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(on_exec, struct task_struct *t, int old_pid, struct linux_binprm *bprm)
{
	__u32 zero = 0;
	__u64 path;
	struct scratch *s = bpf_map_lookup_elem(&scratches, &zero);

	if (!s)
		return 0;
	__builtin_memset(&s->r, 0, sizeof(s->r));
	s->r.kind = EXEC;
	describe(&s->r, t);
	put_path(s, bprm->file);
	path = *(volatile __u16 *)&s->r.path_size;
	if (path > MAX_PATH + MAX_NAME) // never: said for the verifier
		return 0;
	send(s, sizeof(s->r) + path + put_args(s, t->mm, path));
	return 0;
}

// find_queue is run once, by the watcher, and looks up what its descriptor of
// the queue stands for.
SEC("raw_tp")
int find_queue(void *ctx)
{
	struct task_struct *t = (void *)bpf_get_current_task();
	struct file **fds = BPF_CORE_READ(t, files, fdt, fd);
	struct file *f = 0;

	bpf_probe_read_kernel(&f, sizeof(f), fds + queue_fd);
	if (f)
		queue = (__u64)BPF_CORE_READ(f, private_data);
	return 0;
}

char _license[] SEC("license") = "Dual BSD/GPL";

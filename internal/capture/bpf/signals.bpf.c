//go:build ignore

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//
// Remembers who sent the signal that asks one process to end. It changes nothing,
// sends nothing and holds nobody up.

#include <linux/bpf.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#define SIGINT 2
#define SIGTERM 15
#define DELIVERED 0
#define FROM_KERNEL 1 // SEND_SIG_PRIV

// Of the kernel's structures only the fields that are read; where they lie is
// looked up in the BTF of the running kernel.
#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct kernel_siginfo { int si_code; };
struct task_struct { int tgid; };

#pragma clang attribute pop

// What is asked for, and the answer.
struct sender {
	__u32 target; // the process whose signals count
	__u32 sig;    // 0: none came
	__u32 pid;    // 0: the kernel
	__u32 uid;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct sender);
} senders SEC(".maps");

SEC("tp_btf/signal_generate")
int BPF_PROG(on_signal, int sig, struct kernel_siginfo *info, struct task_struct *task, int group, int result)
{
	__u32 first = 0;
	struct sender *s;

	if ((sig != SIGTERM && sig != SIGINT) || result != DELIVERED)
		return 0;
	s = bpf_map_lookup_elem(&senders, &first);
	if (!s || task->tgid != s->target)
		return 0;
	s->sig = sig;
	s->pid = 0;
	s->uid = 0;
	// The keys of a terminal; or what was asked for of a descriptor or a timer, which is
	// sent in the name of whoever happens to run.
	if ((unsigned long)info == FROM_KERNEL || info->si_code > 0)
		return 0;
	s->pid = bpf_get_current_pid_tgid() >> 32;
	s->uid = (__u32)bpf_get_current_uid_gid();
	return 0;
}

char _license[] SEC("license") = "Dual BSD/GPL";

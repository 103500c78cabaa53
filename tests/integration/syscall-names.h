/* SPDX-License-Identifier: GPL-2.0-only */
/* System calls by name, for what the tests that count them print. Not all: those that ours make. */
#pragma once

#include <stddef.h>
#include <stdio.h>
#include <sys/syscall.h>

#define SYSCALL_NAME(call)                                                                         \
	{                                                                                          \
		SYS_##call, #call                                                                  \
	}
static const struct {
	long number;
	const char *name;
} syscall_names[] = { SYSCALL_NAME(read), SYSCALL_NAME(write), SYSCALL_NAME(open),
	SYSCALL_NAME(close), SYSCALL_NAME(stat), SYSCALL_NAME(fstat), SYSCALL_NAME(lstat),
	SYSCALL_NAME(poll), SYSCALL_NAME(lseek), SYSCALL_NAME(mmap), SYSCALL_NAME(mprotect),
	SYSCALL_NAME(munmap), SYSCALL_NAME(brk), SYSCALL_NAME(ioctl), SYSCALL_NAME(pread64),
	SYSCALL_NAME(pwrite64), SYSCALL_NAME(readv), SYSCALL_NAME(writev), SYSCALL_NAME(access),
	SYSCALL_NAME(madvise), SYSCALL_NAME(socket), SYSCALL_NAME(connect), SYSCALL_NAME(sendto),
	SYSCALL_NAME(recvfrom), SYSCALL_NAME(sendmsg), SYSCALL_NAME(recvmsg), SYSCALL_NAME(bind),
	SYSCALL_NAME(listen), SYSCALL_NAME(clone), SYSCALL_NAME(clone3), SYSCALL_NAME(fork),
	SYSCALL_NAME(vfork), SYSCALL_NAME(execve), SYSCALL_NAME(exit), SYSCALL_NAME(exit_group),
	SYSCALL_NAME(fcntl), SYSCALL_NAME(flock), SYSCALL_NAME(fsync), SYSCALL_NAME(fdatasync),
	SYSCALL_NAME(truncate), SYSCALL_NAME(ftruncate), SYSCALL_NAME(getdents64),
	SYSCALL_NAME(rename), SYSCALL_NAME(renameat), SYSCALL_NAME(renameat2), SYSCALL_NAME(mkdir),
	SYSCALL_NAME(mkdirat), SYSCALL_NAME(unlink), SYSCALL_NAME(unlinkat), SYSCALL_NAME(fchmod),
	SYSCALL_NAME(fchown), SYSCALL_NAME(chmod), SYSCALL_NAME(futex), SYSCALL_NAME(openat),
	SYSCALL_NAME(openat2), SYSCALL_NAME(newfstatat), SYSCALL_NAME(statx), SYSCALL_NAME(ppoll),
	SYSCALL_NAME(fallocate), SYSCALL_NAME(sync_file_range), SYSCALL_NAME(syncfs),
	SYSCALL_NAME(eventfd2), SYSCALL_NAME(inotify_init1), SYSCALL_NAME(inotify_add_watch),
	SYSCALL_NAME(pwritev), SYSCALL_NAME(pwritev2), SYSCALL_NAME(utimensat),
	SYSCALL_NAME(rt_sigaction), SYSCALL_NAME(rt_sigprocmask), SYSCALL_NAME(restart_syscall),
	SYSCALL_NAME(linkat), SYSCALL_NAME(msync) };

/* "syscall_N" for others; good until the next call. */
static const char *syscall_name(long number)
{
	static char other[32];

	for (size_t i = 0; i < sizeof(syscall_names) / sizeof(syscall_names[0]); i++) {
		if (syscall_names[i].number == number)
			return syscall_names[i].name;
	}
	snprintf(other, sizeof(other), "syscall_%ld", number);
	return other;
}

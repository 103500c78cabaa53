/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A file copy daemon by script for the tests of "hvis-host link": registers at the socket, writes each request to its
 * standard output and the data to FILE, answers as its arguments say, "ok" unless they do. It is not hv_fcopy_daemon
 * and shares no code with it.
 * usage: fcopy-peer SOCKET FILE [OPERATION=ok|fail|exists|full|silent|exit]...   (OPERATION: start, write, complete, cancel)
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <hvis/fcopy.h>
#include <hvis/hresult.h>
#include <hvis/link.h>

static const struct {
	const char *word;
	uint32_t status;
} answers[] = {
	{ "ok", HVIS_S_OK },
	{ "fail", HVIS_E_FAIL },
	{ "exists", HVIS_E_ALREADY_EXISTS },
	{ "full", HVIS_E_DISK_FULL },
};

static const char *name_of(uint32_t op)
{
	static const char *const names[] = { "start", "write", "complete", "cancel" };

	return op < HVIS_FCOPY_OP_N ? names[op] : "?";
}

/* The last word for @name among the arguments; an operation that there is not fails. */
static const char *answer_for(const char *name, char **script)
{
	const char *answer = strcmp(name, "?") ? "ok" : "fail";
	size_t len = strlen(name);

	for (; *script; script++)
		if (!strncmp(*script, name, len) && (*script)[len] == '=')
			answer = *script + len + 1;
	return answer;
}

static int connect_device(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct hvis_link_notice notice;
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	if (fd < 0 || strlen(path) >= sizeof(address.sun_path))
		return -1;
	strcpy(address.sun_path, path);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) ||
		recv(fd, &notice, sizeof(notice), 0) != sizeof(notice)) {
		close(fd);
		return -1;
	}
	errno = (int)hvis_le32_get(notice.error);
	if (!errno)
		return fd;
	close(fd);
	return -1;
}

static int enlist(int fd)
{
	hvis_le32 version = hvis_le32_make(HVIS_FCOPY_DEVICE_VERSION), answer;

	if (send(fd, &version, sizeof(version), 0) != sizeof(version) ||
		recv(fd, &answer, sizeof(answer), MSG_TRUNC) != sizeof(answer))
		return 1;
	return printf("registered\n") < 0 || fflush(stdout);
}

/* Only the first WRITE is said: the others are as many as the file is long. */
static int say(const char *name, const struct hvis_fcopy_start *start)
{
	static int writes;

	if (!strcmp(name, "write") && writes++)
		return 0;
	if (!strcmp(name, "start")) {
		writes = 0;
		printf("start %s|%s flags %u size %llu\n", (const char *)start->path,
			(const char *)start->name, hvis_le32_get(start->flags),
			(unsigned long long)hvis_le64_get(start->size));
	} else {
		printf("%s\n", name);
	}
	return fflush(stdout);
}

static int serve(int fd, int out, char **script)
{
	union {
		struct hvis_fcopy_hdr hdr;
		struct hvis_fcopy_start start;
		struct hvis_fcopy_write write;
	} m;
	ssize_t n;

	while ((n = recv(fd, &m, sizeof(m), MSG_TRUNC)) > 0) {
		const char *name = name_of(hvis_le32_get(m.hdr.op)),
			   *answer = answer_for(name, script);
		hvis_le32 status = hvis_le32_make(HVIS_E_FAIL);

		if (say(name, &m.start))
			return 1;
		if (!strcmp(answer, "exit"))
			return 0;
		if (!strcmp(answer, "silent"))
			continue;
		if (!strcmp(name, "write") && pwrite(out, m.write.data, hvis_le32_get(m.write.size),
						      (off_t)hvis_le64_get(m.write.offset)) < 0)
			return 1;
		for (size_t i = 0; i < sizeof(answers) / sizeof(*answers); i++)
			if (!strcmp(answers[i].word, answer))
				status = hvis_le32_make(answers[i].status);
		if (send(fd, &status, sizeof(status), MSG_NOSIGNAL) != sizeof(status))
			break;
	}
	return printf("hung up\n") < 0;
}

int main(int argc, char **argv)
{
	int fd = argc > 2 ? connect_device(argv[1]) : -1;
	int out = argc > 2 ? open(argv[2], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600) : -1;

	if (fd < 0 || out < 0) {
		perror("fcopy-peer");
		return 1;
	}
	return enlist(fd) || serve(fd, out, argv + 3);
}

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A backup daemon by script for the tests of "hvis-host link": registers at the socket, writes each
 * request to its standard output, answers as its arguments say, "ok" unless they do. It is not
 * hv_vss_daemon and shares no code with it.
 * usage: vss-peer SOCKET [OPERATION=ok|fail|silent|exit]...    (OPERATION: hot_backup, freeze, thaw)
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <hvis/hresult.h>
#include <hvis/link.h>
#include <hvis/vss.h>

static const struct {
	const char *name;
	uint8_t op;
} ops[] = {
	{ "hot_backup", HVIS_VSS_OP_HOT_BACKUP },
	{ "freeze", HVIS_VSS_OP_FREEZE },
	{ "thaw", HVIS_VSS_OP_THAW },
};

static const char *name_of(uint8_t op)
{
	for (size_t i = 0; i < sizeof(ops) / sizeof(*ops); i++)
		if (ops[i].op == op)
			return ops[i].name;
	return "?";
}

/* The last word for @name among the arguments. */
static const char *answer_for(const char *name, char **script)
{
	const char *answer = "ok";
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

static int say(const char *what)
{
	return printf("%s\n", what) < 0 || fflush(stdout);
}

static int enlist(int fd)
{
	struct hvis_vss_dev_msg m = { .hdr = { .op = HVIS_VSS_OP_REGISTER1 } };
	hvis_le32 version;

	if (send(fd, &m, sizeof(m), 0) != sizeof(m) ||
		recv(fd, &version, sizeof(version), MSG_TRUNC) != sizeof(version) ||
		hvis_le32_get(version) != HVIS_VSS_OP_REGISTER1)
		return 1;
	return say("registered");
}

static int serve(int fd, char **script)
{
	struct hvis_vss_dev_msg m;
	ssize_t n;

	while ((n = recv(fd, &m, sizeof(m), MSG_TRUNC)) > 0) {
		const char *name = name_of(m.hdr.op), *answer = answer_for(name, script);

		if (n != sizeof(m) || say(name))
			return 1;
		if (!strcmp(answer, "exit"))
			return 0;
		if (!strcmp(answer, "silent"))
			continue;
		m.status = hvis_le32_make(!strcmp(answer, "fail") ? HVIS_E_FAIL : HVIS_S_OK);
		if (send(fd, &m, sizeof(m), MSG_NOSIGNAL) != sizeof(m))
			break;
	}
	return say("hung up");
}

int main(int argc, char **argv)
{
	int fd = argc > 1 ? connect_device(argv[1]) : -1;

	if (fd < 0) {
		perror("vss-peer");
		return 1;
	}
	return enlist(fd) || serve(fd, argv + 2);
}

/* SPDX-License-Identifier: GPL-2.0-only */
/* The link's end of the socket; one connection at a time. */
#include "config.h"

#include "tests/integration/vss-host.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <hvis/hresult.h>
#include <hvis/link.h>
#include <hvis/vss.h>

#include "tests/integration/vss-trace.h"

struct host host = { .connection = -1 };

static void die(const char *what)
{
	perror(what);
	exit(3);
}

void host_listen(const char *dir)
{
	sigset_t children;
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	snprintf(address.sun_path, sizeof(address.sun_path), "%s/hv_vss", dir);
	host.listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (host.listener < 0 ||
		bind(host.listener, (struct sockaddr *)&address, sizeof(address)) < 0 ||
		listen(host.listener, 4) < 0)
		die(address.sun_path);
	sigemptyset(&children);
	sigaddset(&children, SIGCHLD);
	sigprocmask(SIG_BLOCK, &children, NULL);
	host.children = signalfd(-1, &children, SFD_CLOEXEC | SFD_NONBLOCK);
}

void host_hang_up(void)
{
	if (host.connection >= 0)
		close(host.connection);
	host.connection = -1;
	host.ready = false;
	host.asked = 0;
	host.status = HVIS_E_FAIL;
}

static void take_connection(void)
{
	struct hvis_link_notice notice = { .magic = hvis_le32_make(HVIS_LINK_MAGIC) };
	int fd = accept4(host.listener, NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0)
		die("accept");
	host_hang_up();
	host.connection = fd;
	send(fd, &notice, sizeof(notice), MSG_NOSIGNAL);
}

static void take_message(void)
{
	struct hvis_vss_dev_msg msg;
	hvis_le32 version = hvis_le32_make(HVIS_VSS_OP_REGISTER1);
	ssize_t n = recv(host.connection, &msg, sizeof(msg), MSG_DONTWAIT);

	if (n < 0 && errno == EAGAIN)
		return;
	if (n != sizeof(msg)) {
		host_hang_up();
	} else if (!host.ready) {
		send(host.connection, &version, sizeof(version), MSG_NOSIGNAL);
		host.ready = true;
	} else {
		host.asked = 0;
		host.status = hvis_le32_get(msg.status);
	}
}

void host_ask(uint8_t op)
{
	struct hvis_vss_dev_msg msg = { .hdr = { .op = op } };

	if (host.connection < 0)
		return;
	host.asked = op;
	if (send(host.connection, &msg, sizeof(msg), MSG_NOSIGNAL) != sizeof(msg))
		host_hang_up();
}

void host_go_on(int64_t us)
{
	struct pollfd polled[] = {
		{ .fd = host.children, .events = POLLIN },
		{ .fd = host.listener, .events = POLLIN },
		{ .fd = host.connection, .events = POLLIN },
	};
	struct signalfd_siginfo info;
	struct timespec wait = { us / 1000000, us % 1000000 * 1000 };

	if (ppoll(polled, 3, &wait, NULL) < 0 && errno != EINTR)
		die("poll");
	if (polled[0].revents && read(host.children, &info, sizeof(info)) < 0)
		die("signalfd");
	trace_pump();
	if (polled[2].revents)
		take_message();
	if (polled[1].revents)
		take_connection();
}

bool host_until(bool (*done)(void), int64_t limit_us)
{
	int64_t end = now_us() + limit_us;

	while (!done()) {
		if (now_us() > end)
			return false;
		host_go_on(2000);
	}
	return true;
}

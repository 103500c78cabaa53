/* SPDX-License-Identifier: GPL-2.0-only */
/* See passed.h. What does not fit here the kernel closes: there is room for one. */
#include <varlink/passed.h>

#include <string.h>
#include <sys/socket.h>

#include <util/fd.h>

typedef union {
	char bytes[CMSG_SPACE(sizeof(int))];
	struct cmsghdr align;
} Control;

static void take(struct msghdr *msg, int *passed)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS ||
			c->cmsg_len < CMSG_LEN(sizeof(int)))
			continue;
		hvis_fd_clear(passed);
		memcpy(passed, CMSG_DATA(c), sizeof(int));
	}
}

ssize_t passed_recv(int fd, void *buf, gsize len, int *passed)
{
	Control control = { { 0 } };
	struct iovec iov = { .iov_base = buf, .iov_len = len };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = CMSG_LEN(sizeof(int)), /* with the padding two would fit */
	};
	ssize_t n = recvmsg(fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	if (n >= 0)
		take(&msg, passed);
	return n;
}

ssize_t passed_send(int fd, const void *buf, gsize len, int passed)
{
	Control control = { { 0 } };
	struct iovec iov = { .iov_base = (void *)buf, .iov_len = len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *c;

	if (passed >= 0) {
		msg.msg_control = control.bytes;
		msg.msg_controllen = sizeof(control.bytes);
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &passed, sizeof(int));
	}
	return sendmsg(fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* SPDX-License-Identifier: GPL-2.0-only */
/* Messages as bytes; nothing here allocates. */
#include "config.h"

#include "vssd/ipc.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define HEAD_LEN offsetof(struct vss_msg, target)
#define TARGET_MIN offsetof(struct vss_msg, target.path)

/* Without a target the message ends before it, with one behind its path. */
static size_t length_of(const struct vss_msg *msg)
{
	if (msg->type != VSS_MSG_TARGET)
		return HEAD_LEN;
	return TARGET_MIN + strnlen(msg->target.path, PATH_MAX - 1) + 1;
}

static bool is_whole(const struct vss_msg *msg, size_t len)
{
	if (len < HEAD_LEN)
		return false;
	if (msg->type != VSS_MSG_TARGET)
		return len == HEAD_LEN;
	return len > TARGET_MIN && ((const char *)msg)[len - 1] == '\0' && len == length_of(msg);
}

static void attach(struct msghdr *header, char *control, size_t size, int fd)
{
	struct cmsghdr *part;

	header->msg_control = control;
	header->msg_controllen = size;
	part = CMSG_FIRSTHDR(header);
	part->cmsg_level = SOL_SOCKET;
	part->cmsg_type = SCM_RIGHTS;
	part->cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(part), &fd, sizeof(fd));
}

int vss_send(int sock, const struct vss_msg *msg, int fd)
{
	struct iovec bytes = { .iov_base = (void *)msg, .iov_len = length_of(msg) };
	struct msghdr header = { .msg_iov = &bytes, .msg_iovlen = 1 };
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))] = { 0 };
	ssize_t n;

	if (fd >= 0)
		attach(&header, control, sizeof(control), fd);
	do
		n = sendmsg(sock, &header, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n < 0 ? errno : 0;
}

int vss_tell(int sock, const struct vss_msg *msg)
{
	ssize_t n;

	do
		n = write(sock, msg, HEAD_LEN);
	while (n < 0 && errno == EINTR);
	return n < 0 ? errno : 0;
}

static int detach(struct msghdr *header)
{
	struct cmsghdr *part = CMSG_FIRSTHDR(header);
	int fd = -1;

	if (part && part->cmsg_level == SOL_SOCKET && part->cmsg_type == SCM_RIGHTS &&
		part->cmsg_len == CMSG_LEN(sizeof(fd)))
		memcpy(&fd, CMSG_DATA(part), sizeof(fd));
	return fd;
}

int vss_receive(int sock, struct vss_msg *ret, int *ret_fd)
{
	struct iovec bytes = { .iov_base = ret, .iov_len = sizeof(*ret) };
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))] = { 0 };
	struct msghdr header = { .msg_iov = &bytes,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control) };
	ssize_t n;

	*ret_fd = -1;
	do
		n = recvmsg(sock, &header, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n <= 0)
		return n < 0 ? errno : ECONNRESET;
	*ret_fd = detach(&header);
	if (!is_whole(ret, (size_t)n)) {
		if (*ret_fd >= 0)
			close(*ret_fd);
		*ret_fd = -1;
		return EPROTO;
	}
	return 0;
}

int vss_hear(int sock, struct vss_msg *ret)
{
	ssize_t n;

	do
		n = read(sock, ret, HEAD_LEN);
	while (n < 0 && errno == EINTR);
	if (n <= 0)
		return n < 0 ? errno : ECONNRESET;
	return n == HEAD_LEN ? 0 : EPROTO;
}

int64_t vss_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int vss_poll_ms(int64_t deadline_us)
{
	int64_t left = (deadline_us - vss_now() + 999) / 1000;

	if (left < 0)
		return 0;
	return left > 1000 ? 1000 : (int)left;
}

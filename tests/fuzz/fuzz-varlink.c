/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A caller that sends anything, in pieces of any size, and reads or does not. The first byte of an
 * input says how: the low bits the size of the pieces, the high ones what happens in between.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <varlink/private.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static VarlinkCall *parked;

static void on_echo(VarlinkCall *call, struct json_object *params, gpointer data G_GNUC_UNUSED)
{
	varlink_call_reply(call, json_object_get(params));
}

static void drop_parked(VarlinkCall *call, gpointer data G_GNUC_UNUSED)
{
	if (call != parked)
		abort();
	g_clear_pointer(&parked, varlink_call_unref);
}

static void on_park(
	VarlinkCall *call, struct json_object *params G_GNUC_UNUSED, gpointer data G_GNUC_UNUSED)
{
	if (parked)
		abort(); /* one call of a caller at a time */
	parked = varlink_call_ref(call);
	varlink_call_on_hangup(call, drop_parked, NULL);
}

static void on_typed(
	VarlinkCall *call, struct json_object *params G_GNUC_UNUSED, gpointer data G_GNUC_UNUSED)
{
	const char *s = "";
	gboolean b = FALSE;
	gint64 i = 0;

	if (varlink_param_string(call, "s", &s) && varlink_param_int_opt(call, "i", &i) &&
		varlink_param_bool_opt(call, "b", &b))
		varlink_call_reply(call, NULL);
}

static void on_count(
	VarlinkCall *call, struct json_object *params G_GNUC_UNUSED, gpointer data G_GNUC_UNUSED)
{
	for (int i = 0; i < 3; i++) {
		if (!varlink_call_notify(call, NULL))
			return;
	}
	varlink_call_reply(call, NULL);
}

static const VarlinkMethod methods[] = {
	{ .name = "Echo", .handle = on_echo },
	{ .name = "Park", .handle = on_park },
	{ .name = "Typed", .handle = on_typed },
	{ .name = "Count", .handle = on_count, .streams = TRUE },
	{ 0 },
};

static void settle(void)
{
	while (g_main_context_iteration(NULL, FALSE))
		;
}

static void drain(int fd)
{
	char buf[4096];

	while (recv(fd, buf, sizeof(buf), MSG_DONTWAIT) > 0)
		;
}

static void feed(int fd, uint8_t how, const uint8_t *data, size_t size)
{
	size_t piece = (size_t)1 << (how & 15);

	while (size > 0) {
		size_t n = MIN(piece, size);

		if (send(fd, data, n, MSG_NOSIGNAL | MSG_DONTWAIT) != (ssize_t)n)
			return;
		data += n;
		size -= n;
		settle();
		if (how & 16)
			drain(fd);
		if ((how & 32) && parked) {
			varlink_call_reply(parked, NULL);
			g_clear_pointer(&parked, varlink_call_unref);
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	g_autoptr(VarlinkServer) server = varlink_server_new("fuzz", "1");
	int fds[2];

	if (size < 1 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
		return 0;
	varlink_server_add(server, "io.test", "interface io.test\n", methods, NULL);
	connection_new(server, fds[0], data[0] & 64 ? 0 : 65534, (data[0] & 64) != 0);
	feed(fds[1], data[0], data + 1, size - 1);
	if (data[0] & 128)
		shutdown(fds[1], SHUT_WR);
	settle();
	close(fds[1]);
	settle();
	if (parked)
		abort(); /* its caller is gone, and was told so */
	return 0;
}

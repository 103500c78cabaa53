/* SPDX-License-Identifier: GPL-2.0-only */
/* The scripted transport: an eventfd is readable for as long as the next step is the kernel's. */
#include <transport/script.h>

#include <sys/eventfd.h>
#include <unistd.h>

#include <util/error.h>
#include <util/fd.h>

typedef struct {
	HvisTransport transport; /* first: the ops get back to us by it */
	const HvisScriptStep *next;
	gboolean gone;
	int fd;
} Script;

static void update_readable(Script *s)
{
	gboolean readable = s->gone || s->next->kind == HVIS_SCRIPT_ARRIVES ||
			    s->next->kind == HVIS_SCRIPT_GONE;
	uint64_t value = 1;

	/* empty it, then fill it again: never blocks, never fails */
	if (read(s->fd, &value, sizeof(value)) < 0)
		value = 1;
	if (readable && write(s->fd, &value, sizeof(value)) < 0)
		g_error("script: eventfd is broken");
}

static void step_on(Script *s)
{
	s->next++;
	update_readable(s);
}

static gboolean fail_gone(Script *s, GError **error)
{
	if (!s->gone) {
		s->gone = TRUE;
		step_on(s);
	}
	return hvis_fail(error, HVIS_ERROR_CLOSED, "script: gone");
}

static gboolean script_send(HvisTransport *transport, const void *msg, gsize len, GError **error)
{
	Script *s = (Script *)transport;
	const HvisScriptStep *step = s->next;

	if (s->gone || step->kind == HVIS_SCRIPT_GONE)
		return fail_gone(s, error);
	if (step->kind == HVIS_SCRIPT_END || step->kind == HVIS_SCRIPT_ARRIVES)
		g_error("script: %zu bytes were sent, none was expected", len);
	step_on(s);
	if (step->kind == HVIS_SCRIPT_SEND_REFUSED)
		return hvis_fail(error, HVIS_ERROR_PROTOCOL, "script: refused");
	if (step->kind == HVIS_SCRIPT_SENT)
		g_assert_cmpmem(msg, len, step->bytes, step->len);
	return TRUE;
}

static gssize script_receive(HvisTransport *transport, void *buf, gsize size, GError **error)
{
	Script *s = (Script *)transport;
	const HvisScriptStep *step = s->next;

	if (s->gone || step->kind == HVIS_SCRIPT_GONE) {
		fail_gone(s, error);
		return -1;
	}
	if (step->kind != HVIS_SCRIPT_ARRIVES)
		return 0;
	step_on(s);
	if (step->len > size) {
		hvis_fail(error, HVIS_ERROR_NO_SPACE, "script: a message of %zu bytes", step->len);
		return -1;
	}
	memcpy(buf, step->bytes, step->len);
	return (gssize)step->len;
}

static int script_fd(HvisTransport *transport)
{
	return ((Script *)transport)->fd;
}

static void script_close(HvisTransport *transport)
{
	Script *s = (Script *)transport;

	hvis_fd_clear(&s->fd);
	g_free(s);
}

static const HvisTransportOps script_ops = {
	.kind = "script",
	.send = script_send,
	.receive = script_receive,
	.fd = script_fd,
	.close = script_close,
};

HvisTransport *hvis_script_new(const HvisScriptStep *steps)
{
	Script *s = g_new0(Script, 1);

	s->transport = (HvisTransport){ .ops = &script_ops, .path = g_strdup("script") };
	s->next = steps;
	s->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	g_assert_cmpint(s->fd, >=, 0);
	update_readable(s);
	return &s->transport;
}

gboolean hvis_script_done(HvisTransport *transport)
{
	return ((Script *)transport)->next->kind == HVIS_SCRIPT_END;
}

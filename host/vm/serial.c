// SPDX-License-Identifier: GPL-2.0-only
/*
 * The far end of a serial port. Bytes from the guest gather for a few milliseconds, so that a
 * console line costs one write and one wake-up and not one per character. When the buffer is full
 * the UART says "not empty", and the guest's driver waits.
 *
 * The descriptors are not ours to set non-blocking (a terminal shares that flag with the shell), so
 * poll() is asked first and a write is no longer than a pipe takes after it said yes.
 */
#include "config.h"

#include "host/vm/serial.h"

#include <errno.h>
#include <glib-unix.h>
#include <json-c/json.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include "host/vm/far.h"
#include "host/vm/uart.h"
#include "util/error.h"
#include "util/fd.h"

#define SERIAL_BUFFER 65536u
#define SERIAL_GATHER_US 4000
#define SERIAL_CHUNK 4096u /* PIPE_BUF: what poll() promises for a pipe */
#define SERIAL_ESCAPE 0x1du /* Ctrl-] */

struct Serial {
	char *name;
	const SerialOps *ops;
	gpointer data;
	GMutex lock; /* uart, out and the counters */
	Uart uart;
	GByteArray *out;
	guint64 sent, received, lost;
	gboolean starved; /* bytes wait for room in the UART */
	gboolean wanted; /* somebody takes the bytes, or may come to; set once */
	FarEnd *far; /* main context only, as the sources */
	GSource *kick; /* ready when there is something to write, or room to read into */
	guint in_id, out_id;
};

/* Under the lock, from uart_write(). */
static void serial_byte_sent(gpointer data, guint8 byte)
{
	Serial *serial = data;

	serial->sent++;
	if (!serial->wanted)
		return;
	if (serial->out->len >= SERIAL_BUFFER) { /* the guest did not wait for "empty" */
		serial->lost++;
		return;
	}
	g_byte_array_append(serial->out, &byte, 1);
	if (serial->out->len == 1)
		g_source_set_ready_time(serial->kick, g_get_monotonic_time() + SERIAL_GATHER_US);
	if (serial->out->len == SERIAL_BUFFER) {
		serial->uart.blocked = TRUE;
		g_source_set_ready_time(serial->kick, 0);
	}
}

static void serial_line(gpointer data, gboolean level)
{
	Serial *serial = data;

	serial->ops->line(serial->data, level);
}

static const UartOps uart_ops = { serial_byte_sent, serial_line };

/* Nobody is there to take the bytes: keep the last ones. Under the lock. */
static void serial_keep_last(Serial *serial)
{
	guint half = SERIAL_BUFFER / 2;

	if (serial->out->len < SERIAL_BUFFER)
		return;
	serial->lost += serial->out->len - half;
	g_byte_array_remove_range(serial->out, 0, serial->out->len - half);
	uart_set_blocked(&serial->uart, FALSE);
}

/* Remove what was written, and let the guest go on. */
static void serial_written(Serial *serial, gsize len)
{
	g_mutex_lock(&serial->lock);
	g_byte_array_remove_range(serial->out, 0, (guint)len);
	if (serial->uart.blocked && serial->out->len < SERIAL_BUFFER)
		uart_set_blocked(&serial->uart, FALSE);
	g_mutex_unlock(&serial->lock);
}

static gboolean on_writable(
	gint fd G_GNUC_UNUSED, GIOCondition condition G_GNUC_UNUSED, gpointer data)
{
	Serial *serial = data;

	serial->out_id = 0;
	serial_flush(serial);
	return G_SOURCE_REMOVE;
}

/* The next bytes to write, at most a chunk. */
static gsize serial_peek(Serial *serial, guint8 chunk[SERIAL_CHUNK])
{
	gsize len;

	g_mutex_lock(&serial->lock);
	if (far_end_fd_out(serial->far) < 0)
		serial_keep_last(serial);
	len = MIN(serial->out->len, SERIAL_CHUNK);
	if (len)
		memcpy(chunk, serial->out->data, len);
	g_mutex_unlock(&serial->lock);
	return len;
}

/* Bytes that wait; they are not forgotten where nothing else will look for them. */
static gsize serial_waiting(Serial *serial, gboolean kick)
{
	gsize len;

	g_mutex_lock(&serial->lock);
	len = serial->out->len;
	if (len && kick)
		g_source_set_ready_time(serial->kick, g_get_monotonic_time() + SERIAL_GATHER_US);
	g_mutex_unlock(&serial->lock);
	return len;
}

/* The reader is gone: for good, unless another one may connect. */
static void serial_lost(Serial *serial, int err)
{
	g_autofree char *text = g_strdup_printf("%s: %s", serial->name, g_strerror(err));

	far_end_lost(serial->far);
	if (!far_end_exists(serial->far))
		serial->ops->lost(serial->data, text);
}

/* What is there now, and no more: a guest that never stops writing must not keep us here. */
void serial_flush(Serial *serial)
{
	gsize left = serial_waiting(serial, FALSE), len;
	guint8 chunk[SERIAL_CHUNK];

	while (left && (len = serial_peek(serial, chunk)) > 0) {
		int fd = far_end_fd_out(serial->far);
		gssize n = fd < 0 ? 0 : far_end_write(serial->far, chunk, len);

		if (fd < 0)
			return;
		if (n < 0) {
			serial_lost(serial, errno);
			continue;
		}
		if (n == 0) {
			if (!serial->out_id)
				serial->out_id = g_unix_fd_add(fd, G_IO_OUT, on_writable, serial);
			return;
		}
		serial_written(serial, (gsize)n);
		left -= MIN(left, (gsize)n);
	}
	serial_waiting(serial, TRUE);
}

/* Take Ctrl-] out of what a user typed. */
static gsize serial_filter_escape(Serial *serial, guint8 *bytes, gsize len)
{
	gsize kept = 0;
	gboolean escape = FALSE;

	if (!far_end_is_terminal(serial->far))
		return len;
	for (gsize i = 0; i < len; i++) {
		if (bytes[i] == SERIAL_ESCAPE)
			escape = TRUE;
		else
			bytes[kept++] = bytes[i];
	}
	if (escape)
		serial->ops->escape(serial->data);
	return kept;
}

static gboolean on_readable(gint fd, GIOCondition condition G_GNUC_UNUSED, gpointer data)
{
	Serial *serial = data;
	guint8 bytes[UART_RX_SIZE];
	gssize n;
	guint room;

	g_mutex_lock(&serial->lock);
	room = uart_room(&serial->uart);
	serial->starved = !room;
	g_mutex_unlock(&serial->lock);
	if (!room) { /* the guest's next access that makes room kicks */
		serial->in_id = 0;
		return G_SOURCE_REMOVE;
	}
	n = read(fd, bytes, room);
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return G_SOURCE_CONTINUE;
	if (n <= 0) {
		serial->in_id = 0;
		far_end_hangup(serial->far);
		return G_SOURCE_REMOVE;
	}
	n = (gssize)serial_filter_escape(serial, bytes, (gsize)n);
	g_mutex_lock(&serial->lock);
	serial->received += (guint64)n;
	uart_receive(&serial->uart, bytes, (gsize)n);
	g_mutex_unlock(&serial->lock);
	return G_SOURCE_CONTINUE;
}

static void serial_watch_input(Serial *serial)
{
	int fd = far_end_fd_in(serial->far);

	if (fd >= 0 && !serial->in_id)
		serial->in_id = g_unix_fd_add(fd, G_IO_IN, on_readable, serial);
}

static gboolean on_kick(gpointer data)
{
	Serial *serial = data;

	g_source_set_ready_time(serial->kick, -1);
	serial_watch_input(serial);
	serial_flush(serial);
	return G_SOURCE_CONTINUE;
}

/* Somebody connected to the socket, or left. */
static void on_far_change(gpointer data)
{
	Serial *serial = data;

	g_clear_handle_id(&serial->in_id, g_source_remove);
	g_clear_handle_id(&serial->out_id, g_source_remove);
	serial_watch_input(serial);
	serial_flush(serial);
}

static gboolean kick_dispatch(GSource *source G_GNUC_UNUSED, GSourceFunc func, gpointer data)
{
	return func(data);
}

static GSourceFuncs kick_funcs = { .dispatch = kick_dispatch };

Serial *serial_new(const char *name, const VmSerial *where, const SerialOps *ops, gpointer data,
	GError **error)
{
	g_autoptr(Serial) serial = g_new0(Serial, 1);

	serial->name = g_strdup(name);
	serial->ops = ops;
	serial->data = data;
	g_mutex_init(&serial->lock);
	serial->out = g_byte_array_new();
	uart_init(&serial->uart, &uart_ops, serial);
	serial->kick = g_source_new(&kick_funcs, sizeof(GSource));
	g_source_set_name(serial->kick, name);
	g_source_set_callback(serial->kick, on_kick, serial, NULL);
	g_source_attach(serial->kick, NULL);
	serial->far = far_end_new(where, on_far_change, serial, error);
	if (!serial->far) {
		g_prefix_error(error, "%s: ", name);
		return NULL;
	}
	serial->wanted = far_end_exists(serial->far);
	serial_watch_input(serial);
	return g_steal_pointer(&serial);
}

void serial_free(Serial *serial)
{
	if (!serial)
		return;
	if (serial->far)
		serial_flush(serial);
	g_clear_handle_id(&serial->in_id, g_source_remove);
	g_clear_handle_id(&serial->out_id, g_source_remove);
	g_source_destroy(serial->kick);
	g_source_unref(serial->kick);
	far_end_free(serial->far);
	g_byte_array_unref(serial->out);
	g_mutex_clear(&serial->lock);
	g_free(serial->name);
	g_free(serial);
}

/* After an access of the guest: it may have made room. Under the lock. */
static void serial_feed(Serial *serial)
{
	if (!serial->starved || uart_room(&serial->uart) < UART_RX_SIZE / 2)
		return;
	serial->starved = FALSE;
	g_source_set_ready_time(serial->kick, 0);
}

guint8 serial_read(Serial *serial, guint reg)
{
	guint8 value;

	g_mutex_lock(&serial->lock);
	value = uart_read(&serial->uart, reg);
	serial_feed(serial);
	g_mutex_unlock(&serial->lock);
	return value;
}

void serial_write(Serial *serial, guint reg, guint8 value)
{
	g_mutex_lock(&serial->lock);
	uart_write(&serial->uart, reg, value);
	serial_feed(serial);
	g_mutex_unlock(&serial->lock);
}

void serial_reset(Serial *serial)
{
	g_mutex_lock(&serial->lock);
	uart_init(&serial->uart, &uart_ops, serial);
	g_mutex_unlock(&serial->lock);
	g_source_set_ready_time(serial->kick, 0);
}

struct json_object *serial_describe(Serial *serial)
{
	struct json_object *o = json_object_new_object();

	g_mutex_lock(&serial->lock);
	json_object_object_add(o, "sent", json_object_new_uint64(serial->sent));
	json_object_object_add(o, "received", json_object_new_uint64(serial->received));
	json_object_object_add(o, "lost", json_object_new_uint64(serial->lost));
	g_mutex_unlock(&serial->lock);
	return o;
}

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The whole daemon on one main loop with a kernel played by hand: a SOCK_SEQPACKET socket in place
 * of the device, and a client on the control socket.
 */
#include "config.h"

#include "kvpd/kvpd.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <hvis/hresult.h>
#include <hvis/link.h>
#include <util/error.h>
#include <util/fd.h>
#include <util/messages.h>
#include <varlink/socket.h>
#include <varlink/varlink.h>
#include <wire/kvp-device.h>

#include "tests/unit/kvpd-scratch.h"

#include "kvpd/socket.h"

#define PATIENCE_US (20 * G_USEC_PER_SEC)

typedef struct {
	char *dir, *device, *pools, *socket;
	KvpdOptions options;
	Kvpd *kvpd;
	int listener, kernel; /* the device: its socket, and the one who has it open */
} Fixture;

static int warnings; /* that the daemon logged; anything worse ends the test */
static int repairs; /* entries that say so, in the words that they are to have … */
static char repaired[32]; /* … and the pool of the last one */

static const char *field_of(const GLogField *fields, gsize n, const char *key)
{
	for (gsize i = 0; i < n; i++) {
		if (g_str_equal(fields[i].key, key))
			return fields[i].value;
	}
	return "";
}

static void take_repair(GLogLevelFlags level, const GLogField *fields, gsize n)
{
	if (!g_str_equal(field_of(fields, n, "MESSAGE_ID"), HVIS_MESSAGE_POOL_REPAIRED))
		return;
	g_assert_cmpstr(field_of(fields, n, "PRIORITY"), ==, "5");
	g_assert_nonnull(strstr(field_of(fields, n, "MESSAGE"), "was repaired"));
	g_strlcpy(repaired, field_of(fields, n, "HVIS_POOL"), sizeof(repaired));
	repairs++;
}

static GLogWriterOutput take_log(
	GLogLevelFlags level, const GLogField *fields, gsize n, gpointer data)
{
	g_assert_false(level & (G_LOG_LEVEL_CRITICAL | G_LOG_LEVEL_ERROR));
	warnings += (level & G_LOG_LEVEL_WARNING) != 0;
	take_repair(level, fields, n);
	return G_LOG_WRITER_HANDLED;
}

/* --- the kernel --- */

static int listen_at(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	g_strlcpy(address.sun_path, path, sizeof(address.sun_path));
	g_assert_cmpint(bind(fd, (struct sockaddr *)&address, sizeof(address)), ==, 0);
	g_assert_cmpint(listen(fd, 4), ==, 0);
	return fd;
}

/* Turn the main loop until @done says so. */
static void turn_until(gboolean (*done)(gpointer data), gpointer data)
{
	gint64 end = g_get_monotonic_time() + PATIENCE_US;

	while (!done(data)) {
		g_assert_cmpint(g_get_monotonic_time(), <, end);
		if (!g_main_context_iteration(NULL, FALSE))
			g_usleep(200);
	}
}

static gboolean has_opened(gpointer data)
{
	Fixture *f = data;

	f->kernel = accept4(f->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	return f->kernel >= 0;
}

typedef struct {
	int fd;
	ssize_t len;
	struct hvis_kvp_dev_msg msg;
} Received;

static gboolean has_received(gpointer data)
{
	Received *r = data;

	r->len = recv(r->fd, &r->msg, sizeof(r->msg), MSG_TRUNC);
	return r->len >= 0 || errno != EAGAIN;
}

static struct hvis_kvp_dev_msg receive(Fixture *f)
{
	Received r = { .fd = f->kernel };

	turn_until(has_received, &r);
	g_assert_cmpint(r.len, ==, HVIS_KVP_DEV_MSG_SIZE);
	return r.msg;
}

static void send_bytes(Fixture *f, const void *bytes, gsize len)
{
	g_assert_cmpint(send(f->kernel, bytes, len, 0), ==, len);
}

static void send_notice(Fixture *f, int err)
{
	struct hvis_link_notice notice = { hvis_le32_make(HVIS_LINK_MAGIC),
		hvis_le32_make((guint32)err) };

	send_bytes(f, &notice, sizeof(notice));
}

static void send_request(Fixture *f, const KvpRequest *request)
{
	struct hvis_kvp_dev_msg msg;
	g_autoptr(GError) error = NULL;

	kvp_request_encode(request, &msg, &error);
	g_assert_no_error(error);
	send_bytes(f, &msg, sizeof(msg));
}

static void welcome(Fixture *f)
{
	const KvpRequest answer = { .op = HVIS_KVP_OP_REGISTER1, .version = "3.1" };
	struct hvis_kvp_dev_msg msg;

	turn_until(has_opened, f);
	send_notice(f, 0);
	msg = receive(f);
	g_assert_cmpuint(msg.hdr.op, ==, HVIS_KVP_OP_REGISTER1);
	send_request(f, &answer);
}

static void close_device(Fixture *f)
{
	hvis_fd_clear(&f->kernel);
	hvis_fd_clear(&f->listener);
	g_assert_cmpint(unlink(f->device), ==, 0);
}

static KvpReply ask(Fixture *f, const KvpRequest *request)
{
	struct hvis_kvp_dev_msg msg;
	g_autoptr(GError) error = NULL;
	KvpReply reply;

	send_request(f, request);
	msg = receive(f);
	kvp_reply_decode(&msg, sizeof(msg), request->op, &reply, &error);
	g_assert_no_error(error);
	return reply;
}

static guint32 host_set(Fixture *f, const char *key, const char *value)
{
	KvpRequest request = { .op = HVIS_KVP_OP_SET, .has_value = TRUE };

	g_strlcpy(request.key, key, sizeof(request.key));
	g_strlcpy(request.value, value, sizeof(request.value));
	return ask(f, &request).status;
}

/* --- the client --- */

typedef struct {
	const char *path, *method;
	struct json_object *params, *reply;
	GError *error;
	gint done;
} Call;

static gpointer run_call(gpointer data)
{
	Call *call = data;
	g_autoptr(VarlinkClient) client = varlink_client_connect(call->path, &call->error);

	if (client)
		call->reply = varlink_client_call(
			client, call->method, call->params, 20000, &call->error);
	g_atomic_int_set(&call->done, 1);
	return NULL;
}

static gboolean is_called(gpointer data)
{
	return g_atomic_int_get(&((Call *)data)->done);
}

/* Takes @params. */
static struct json_object *call_with(
	Fixture *f, GError **error, const char *method, struct json_object *params)
{
	Call c = { .path = f->socket, .method = method, .params = params };
	GThread *thread = g_thread_new("client", run_call, &c);

	turn_until(is_called, &c);
	g_thread_join(thread);
	if (c.error)
		g_propagate_error(error, c.error);
	return c.reply;
}

/* The members of the parameters are strings; @first is NULL for none. */
static struct json_object *call(
	Fixture *f, GError **error, const char *method, const char *first, ...)
{
	struct json_object *params = json_object_new_object();
	va_list ap;

	va_start(ap, first);
	for (; first; first = va_arg(ap, const char *))
		json_object_object_add(
			params, first, json_object_new_string(va_arg(ap, const char *)));
	va_end(ap);
	return call_with(f, error, method, params);
}

/* The text of "a.b" in @object; "" for null. */
static const char *text_at(struct json_object *object, const char *path)
{
	g_auto(GStrv) names = g_strsplit(path, ".", -1);

	for (char **name = names; *name; name++)
		g_assert_true(json_object_object_get_ex(object, *name, &object));
	return object ? json_object_get_string(object) : "";
}

static void assert_status(Fixture *f, const char *path, const char *wanted)
{
	g_autoptr(GError) error = NULL;
	struct json_object *reply = call(f, &error, "io.hvis.Kvp.GetStatus", NULL);

	g_assert_no_error(error);
	g_assert_cmpstr(text_at(reply, path), ==, wanted);
	json_object_put(reply);
}

/* --- life --- */

static void set_up(Fixture *f, gconstpointer data)
{
	g_autoptr(GError) error = NULL;

	warnings = repairs = 0;
	f->dir = scratch_new();
	f->device = g_build_filename(f->dir, "hv_kvp", NULL);
	f->pools = g_build_filename(f->dir, "pools", NULL);
	f->socket = g_build_filename(f->dir, "run", "kvp", NULL);
	f->options = (KvpdOptions){
		.device = f->device, .pool_dir = f->pools, .socket = f->socket, .root = f->dir
	};
	f->listener = listen_at(f->device);
	f->kernel = -1;
	f->kvpd = kvpd_new(&f->options, &error);
	g_assert_no_error(error);
	kvpd_start(f->kvpd, &error);
	g_assert_no_error(error);
}

static void tear_down(Fixture *f, gconstpointer data)
{
	kvpd_free(f->kvpd);
	hvis_fd_clear(&f->kernel);
	hvis_fd_clear(&f->listener);
	while (g_main_context_iteration(NULL, FALSE)) {
	}
	g_free(f->device);
	g_free(f->pools);
	g_free(f->socket);
	scratch_free(f->dir);
}

static char *pool_path(Fixture *f, int number)
{
	return g_strdup_printf("%s/.kvp_pool_%d", f->pools, number);
}

static void configure(Fixture *f, const char *text)
{
	g_autofree char *conf = g_build_filename(f->dir, HVIS_SYSCONF_DIR, "hvis.conf", NULL);
	g_autofree char *etc = g_path_get_dirname(conf);

	g_assert_cmpint(g_mkdir_with_parents(etc, 0700), ==, 0);
	g_assert_true(g_file_set_contents(conf, text, -1, NULL));
}

/* --- tests --- */

static void test_host(Fixture *f, gconstpointer data)
{
	KvpRequest request = {
		.op = HVIS_KVP_OP_ENUMERATE, .pool = HVIS_KVP_POOL_AUTO, .index = 1
	};
	g_autofree char *path = pool_path(f, 0);
	g_autoptr(GByteArray) wanted = scratch_records("k", "v", NULL);
	KvpReply reply;

	welcome(f);
	reply = ask(f, &request);
	g_assert_cmphex(reply.status, ==, HVIS_S_OK);
	g_assert_cmpstr(reply.key, ==, "IntegrationServicesVersion");
	g_assert_cmpstr(reply.value, ==, "3.1");
	request.index = 10;
	g_assert_cmphex(ask(f, &request).status, ==, HVIS_E_NO_MORE_ITEMS);
	g_assert_cmphex(host_set(f, "k", "v"), ==, HVIS_S_OK);
	scratch_assert_file(path, wanted);
	assert_status(f, "status.state", "ready");
	assert_status(f, "status.kernel_protocol", "3.1");
	assert_status(f, "status.last_request", "set external");
	assert_status(f, "status.counters.requests", "3");
	assert_status(f, "status.counters.answered", "3");
	assert_status(f, "status.counters.refused", "0");
	request.pool = 77;
	g_assert_cmphex(ask(f, &request).status, ==, HVIS_E_INVALIDARG);
	assert_status(f, "status.counters.refused", "1");
	assert_status(f, "status.last_request", "enumerate ? 10");
	g_assert_cmpint(warnings, ==, 0);
}

static void test_waits_for_device(Fixture *f, gconstpointer data)
{
	close_device(f); /* before it was opened: the daemon starts without it */
	while (g_main_context_iteration(NULL, FALSE)) {
	}
	f->listener = listen_at(f->device);
	welcome(f);
	g_assert_cmphex(host_set(f, "k", "v"), ==, HVIS_S_OK);
}

/* The host takes the service away and gives it back, three times; values stay. */
static void test_rescind(Fixture *f, gconstpointer data)
{
	KvpRequest get = { .op = HVIS_KVP_OP_GET, .key = "k" };

	welcome(f);
	g_assert_cmphex(host_set(f, "k", "v"), ==, HVIS_S_OK);
	for (int i = 0; i < 3; i++) {
		close_device(f);
		f->listener = listen_at(f->device);
		welcome(f);
		g_assert_cmpstr(ask(f, &get).value, ==, "v");
	}
	assert_status(f, "status.counters.reopened", "3");
}

static gboolean is_busy(gpointer data)
{
	struct json_object *reply = call(data, NULL, "io.hvis.Kvp.GetStatus", NULL);
	gboolean busy = g_str_equal(text_at(reply, "status.state"), "busy");

	if (busy)
		g_assert_nonnull(strstr(text_at(reply, "status.detail"), "in use"));
	json_object_put(reply);
	return busy;
}

/* Somebody else has the device: said so, and tried again. */
static void test_busy(Fixture *f, gconstpointer data)
{
	turn_until(has_opened, f);
	send_notice(f, EBUSY);
	hvis_fd_clear(&f->kernel);
	turn_until(is_busy, f);
	welcome(f);
	g_assert_cmphex(host_set(f, "k", "v"), ==, HVIS_S_OK);
}

/* While it tries again, a device that stays taken was told to be on its way. */
static void test_busy_while_trying_again(Fixture *f, gconstpointer data)
{
	struct json_object *reply;

	for (guint i = 0; i < 2; i++) {
		turn_until(has_opened, f);
		send_notice(f, EBUSY);
		hvis_fd_clear(&f->kernel);
		turn_until(is_busy, f);
	}
	turn_until(has_opened, f); /* and is left without an answer */
	assert_status(f, "status.state", "busy");
	g_assert_true(is_busy(f)); /* for the same reason */
	reply = call(f, NULL, "io.hvis.Kvp.GetStatus", NULL);
	g_assert_cmpint(g_ascii_strtoll(text_at(reply, "status.state_since_us"), NULL, 10), <=,
		g_get_real_time());
	json_object_put(reply);
	send_notice(f, 0);
	receive(f);
	close_device(f);
	f->listener = listen_at(f->device);
	turn_until(has_opened, f);
	assert_status(f, "status.state", "retrying");
}

/* After a restore the kernel may say its version again at any time; that is no request. */
static void test_renegotiation(Fixture *f, gconstpointer data)
{
	const KvpRequest again = { .op = HVIS_KVP_OP_REGISTER1, .version = "4.0" };
	KvpRequest get = { .op = HVIS_KVP_OP_GET,
		.pool = HVIS_KVP_POOL_AUTO,
		.key = "IntegrationServicesVersion" };

	welcome(f);
	g_assert_cmpstr(ask(f, &get).value, ==, "3.1");
	send_request(f, &again);
	g_assert_cmpstr(ask(f, &get).value, ==, "4.0");
	assert_status(f, "status.kernel_protocol", "4.0");
}

static guint32 status_of(struct hvis_kvp_dev_msg msg)
{
	return hvis_le32_get(msg.status);
}

/* Nothing that the host sends ends the daemon; each message gets one answer, which is a failure. */
static void test_garbage(Fixture *f, gconstpointer data)
{
	g_autofree guint8 *noise = g_malloc(16384);
	const gsize sizes[] = { 1, 4, 100, HVIS_KVP_DEV_MSG_SIZE - 1, HVIS_KVP_DEV_MSG_SIZE,
		HVIS_KVP_DEV_MSG_SIZE + 1, 16384 };

	welcome(f);
	for (int round = 0; round < 200; round++) {
		gsize size = sizes[(guint)round % G_N_ELEMENTS(sizes)];

		for (gsize i = 0; i < 16384; i++)
			noise[i] = (guint8)g_test_rand_int();
		noise[0] = (guint8)(round % 8); /* every operation, and two unknown ones */
		noise[1] = (guint8)(round % 7);
		if (size == 1)
			noise[1] = 0;
		send_bytes(f, noise, size);
		g_assert_cmphex(status_of(receive(f)), !=, HVIS_S_OK);
	}
	g_assert_cmphex(host_set(f, "k", "v"), ==, HVIS_S_OK);
}

/* The kernel passes on whatever number a host sends: it was taken for a handshake, never answered. */
static void test_host_says_register(Fixture *f, gconstpointer data)
{
	const KvpRequest request = { .op = HVIS_KVP_OP_REGISTER1 };
	struct hvis_kvp_dev_msg msg;

	welcome(f);
	send_request(f, &request);
	msg = receive(f);
	g_assert_cmphex(hvis_le32_get(msg.status), ==, HVIS_E_NOT_SUPPORTED);
	assert_status(f, "status.kernel_protocol", "3.1");
}

/* A host that finds two ways to make us fail, and ways that work between them, fills no journal. */
static void test_flood_of_failures(Fixture *f, gconstpointer data)
{
	g_autofree char *file = pool_path(f, 0);
	g_autofree char *other = pool_path(f, 3);
	KvpRequest set = { .op = HVIS_KVP_OP_SET, .key = "k", .value = "v", .has_value = TRUE };

	g_assert_cmpint(unlink(file), ==, 0);
	g_assert_cmpint(unlink(other), ==, 0);
	g_assert_cmpint(mkdir(file, 0700), ==, 0);
	g_assert_cmpint(mkdir(other, 0700), ==, 0);
	welcome(f);
	for (int i = 0; i < 100; i++) {
		set.pool = HVIS_KVP_POOL_EXTERNAL;
		g_assert_cmphex(ask(f, &set).status, ==, HVIS_E_FAIL);
		set.pool = HVIS_KVP_POOL_AUTO_EXTERNAL;
		g_assert_cmphex(ask(f, &set).status, ==, HVIS_E_FAIL);
		set.pool = HVIS_KVP_POOL_AUTO_INTERNAL;
		g_assert_cmphex(ask(f, &set).status, ==, HVIS_S_OK);
	}
	g_assert_cmpint(warnings, >=, 1);
	g_assert_cmpint(warnings, <, 20);
	assert_status(f, "status.counters.refused", "200");
}

static void test_locked_pool(Fixture *f, gconstpointer data)
{
	g_autofree char *path = pool_path(f, 0);
	KvpRequest facts = { .op = HVIS_KVP_OP_ENUMERATE, .pool = HVIS_KVP_POOL_AUTO };
	hvis_autofd int theirs = -1;

	configure(f, "[kvp]\nLockTimeout=100ms\n");
	kvpd_reload(f->kvpd);
	welcome(f);
	theirs = hvis_open(path, O_RDWR, NULL);
	g_assert_cmpint(flock(theirs, LOCK_EX), ==, 0);
	g_assert_cmphex(host_set(f, "k", "v"), ==, HVIS_E_MACHINE_LOCKED);
	g_assert_cmphex(host_set(f, "k", "v"), ==, HVIS_E_MACHINE_LOCKED);
	g_assert_cmpint(warnings, ==, 1); /* the same trouble is told once */
	g_assert_cmphex(ask(f, &facts).status, ==, HVIS_S_OK);
	hvis_fd_clear(&theirs);
	g_assert_cmphex(host_set(f, "k", "v"), ==, HVIS_S_OK);
}

/* --- control socket --- */

static void assert_fails(Fixture *f, HvisErrorCode code, const char *method, const char *key,
	const char *value, const char *pool)
{
	g_autoptr(GError) error = NULL;
	struct json_object *reply = call(
		f, &error, method, "key", key, "pool", pool, value ? "value" : NULL, value, NULL);

	g_assert_null(reply);
	g_assert_error(error, HVIS_ERROR, (gint)code);
}

static void test_socket(Fixture *f, gconstpointer data)
{
	g_autofree char *path = pool_path(f, 1);
	g_autoptr(GByteArray) wanted = scratch_records("k", "w", NULL);
	struct json_object *reply;

	reply = call(f, NULL, "io.hvis.Kvp.Set", "key", "k", "value", "v", NULL);
	g_assert_cmpstr(text_at(reply, "replaced"), ==, "false");
	json_object_put(reply);
	reply = call(f, NULL, "io.hvis.Kvp.Set", "key", "k", "value", "w", "pool", "1", NULL);
	g_assert_cmpstr(text_at(reply, "replaced"), ==, "true");
	json_object_put(reply);
	scratch_assert_file(path, wanted);
	reply = call(f, NULL, "io.hvis.Kvp.Get", "key", "k", NULL);
	g_assert_cmpstr(text_at(reply, "record.pool"), ==, "guest");
	g_assert_cmpstr(text_at(reply, "record.value"), ==, "w");
	json_object_put(reply);

	/* Without a pool the one that the host writes comes first. */
	reply = call(
		f, NULL, "io.hvis.Kvp.Set", "key", "k", "value", "x", "pool", "external", NULL);
	json_object_put(reply);
	reply = call(f, NULL, "io.hvis.Kvp.Get", "key", "k", NULL);
	g_assert_cmpstr(text_at(reply, "record.pool"), ==, "external");
	json_object_put(reply);
	reply = call(f, NULL, "io.hvis.Kvp.Get", "key", "OSName", "pool", "auto", NULL);
	g_assert_cmpstr(text_at(reply, "record.value"), ==, "Linux");
	json_object_put(reply);
	reply = call(f, NULL, "io.hvis.Kvp.Delete", "key", "k", NULL);
	g_assert_nonnull(reply);
	json_object_put(reply);
	assert_fails(f, HVIS_ERROR_NOT_FOUND, "io.hvis.Kvp.Get", "k", NULL, "guest");
	assert_fails(f, HVIS_ERROR_NOT_FOUND, "io.hvis.Kvp.Delete", "k", NULL, "guest");
	assert_fails(f, HVIS_ERROR_INVALID, "io.hvis.Kvp.Get", "k", NULL, "nonsense");
	assert_fails(f, HVIS_ERROR_INVALID, "io.hvis.Kvp.Delete", "k", NULL, "5");
	assert_fails(f, HVIS_ERROR_PERMISSION, "io.hvis.Kvp.Set", "k", "v", "auto");
	assert_fails(f, HVIS_ERROR_PERMISSION, "io.hvis.Kvp.Delete", "k", NULL, "auto-external");
}

static void test_list(Fixture *f, gconstpointer data)
{
	g_autofree char *path = pool_path(f, 1);
	g_autoptr(GByteArray) file = scratch_records("b", "1", "a", "2", "b", "3", NULL);
	struct json_object *reply, *list;

	scratch_write(path, file);
	reply = call(f, NULL, "io.hvis.Kvp.List", "pool", "guest", NULL);
	g_assert_true(json_object_object_get_ex(reply, "records", &list));
	g_assert_cmpint(json_object_array_length(list), ==, 3);
	g_assert_cmpstr(text_at(json_object_array_get_idx(list, 0), "key"), ==, "b");
	g_assert_cmpstr(text_at(json_object_array_get_idx(list, 2), "value"), ==, "3");
	json_object_put(reply);
	reply = call(f, NULL, "io.hvis.Kvp.List", NULL);
	g_assert_true(json_object_object_get_ex(reply, "records", &list));
	g_assert_cmpint(json_object_array_length(list), ==, 13);
	g_assert_cmpstr(text_at(json_object_array_get_idx(list, 3), "pool"), ==, "auto");
	json_object_put(reply);
}

/* Records from @from on; adds their number to *@count and checks that they go on from there. */
static gint64 list_page(Fixture *f, gint64 from, guint *count)
{
	struct json_object *params = json_object_new_object(), *reply, *list, *next;
	g_autoptr(GError) error = NULL;
	gint64 ret = -1;

	json_object_object_add(params, "from", json_object_new_int64(from));
	json_object_object_add(params, "pool", json_object_new_string("guest"));
	reply = call_with(f, &error, "io.hvis.Kvp.List", params);
	g_assert_no_error(error);
	g_assert_true(json_object_object_get_ex(reply, "records", &list));
	for (gsize i = 0; i < json_object_array_length(list); i++) {
		g_autofree char *key = g_strdup_printf("k%u", (*count)++);

		g_assert_cmpstr(text_at(json_object_array_get_idx(list, i), "key"), ==, key);
	}
	g_assert_true(json_object_object_get_ex(reply, "next", &next));
	if (next)
		ret = json_object_get_int64(next);
	json_object_put(reply);
	return ret;
}

/* Provisioning agents leave thousands of events in pool guest: no list of them could be had. */
static void test_list_longer_than_a_message(Fixture *f, gconstpointer data)
{
	g_autofree char *path = pool_path(f, 1);
	g_autofree char *value = g_strnfill(1000, '\x01'); /* "\u0001": six times as long */
	g_autoptr(GByteArray) file = g_byte_array_new();
	g_autoptr(GError) error = NULL;
	guint count = 0, pages = 0;

	for (guint i = 0; i < 1500; i++) {
		g_autofree char *key = g_strdup_printf("k%u", i);

		scratch_record(file, key, value);
	}
	scratch_write(path, file);
	g_assert_null(call(f, &error, "io.hvis.Kvp.List", NULL));
	g_assert_error(error, HVIS_ERROR, HVIS_ERROR_NO_SPACE);
	for (gint64 from = 0; from >= 0; pages++)
		from = list_page(f, from, &count);
	g_assert_cmpuint(count, ==, 1500);
	g_assert_cmpuint(pages, >, 5);
	count = 2000; /* a place behind the end, as after others have deleted: empty, and the end */
	g_assert_cmpint(list_page(f, 2000, &count), ==, -1);
	g_assert_cmpuint(count, ==, 2000);
}

static void test_limits(void)
{
	static const struct {
		const char *unit;
		guint keys, values; /* how many of it fit */
	} cases[] = {
		{ "a", 254, 1022 }, { "\xc3\xa9", 254, 1022 }, /* two bytes, one unit */
		{ "\xe2\x82\xac", 170, 682 }, /* three bytes: the record is what ends it */
		{ "\xf0\x9d\x84\x9e", 127, 511 }, /* four bytes, two units */
	};

	for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
		for (guint over = 0; over <= 1; over++) {
			GString *key = g_string_new(NULL), *value = g_string_new(NULL);
			g_autoptr(GError) error = NULL;

			for (guint k = 0; k < cases[i].keys + over; k++)
				g_string_append(key, cases[i].unit);
			for (guint k = 0; k < cases[i].values + over; k++)
				g_string_append(value, cases[i].unit);
			g_assert_true(kvp_socket_check(key->str, "v", &error) == !over);
			g_assert_true(!over || strstr(error->message, "key"));
			g_clear_error(&error);
			g_assert_true(kvp_socket_check("k", value->str, &error) == !over);
			g_assert_true(!over || strstr(error->message, "value"));
			g_string_free(key, TRUE);
			g_string_free(value, TRUE);
		}
	}
	g_assert_false(kvp_socket_check("", "v", NULL));
	g_assert_false(kvp_socket_check("k\xff", "v", NULL));
}

/* Pool @number of an answer to GetStatus. */
static struct json_object *pool_of(struct json_object *reply, gsize number)
{
	struct json_object *pools;

	g_assert_true(json_object_object_get_ex(reply, "status", &pools));
	g_assert_true(json_object_object_get_ex(pools, "pools", &pools));
	return json_object_array_get_idx(pools, number);
}

/* Pool "auto" was said to have no record, after its file, while ten were listed. */
static void test_facts_are_counted(Fixture *f, gconstpointer data)
{
	struct json_object *reply = call(f, NULL, "io.hvis.Kvp.GetStatus", NULL);

	g_assert_cmpstr(text_at(pool_of(reply, 2), "records"), ==, "10");
	g_assert_cmpstr(text_at(pool_of(reply, 2), "path"), ==, "");
	g_assert_cmpstr(text_at(pool_of(reply, 2), "problem"), ==, "");
	json_object_put(reply);
}

static void test_torn_pool_is_told(Fixture *f, gconstpointer data)
{
	g_autofree char *path = pool_path(f, 0);
	struct json_object *reply, *pool;

	g_assert_cmpint(truncate(path, 2560 + 100), ==, 0);
	reply = call(f, NULL, "io.hvis.Kvp.GetStatus", NULL);
	pool = pool_of(reply, 0);
	g_assert_cmpstr(text_at(pool, "problem"), ==, "100 bytes of a torn record at the end");
	g_assert_cmpstr(text_at(pool, "records"), ==, "1");
	json_object_put(reply);
}

/* --- start and stop --- */

static void test_one_daemon(Fixture *f, gconstpointer data)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(Kvpd) second = kvpd_new(&f->options, &error);

	g_assert_no_error(error);
	g_assert_false(kvpd_start(second, &error));
	g_assert_error(error, HVIS_ERROR, HVIS_ERROR_BUSY);
	welcome(f);
}

/* A write that is waiting for a lock when the daemon is stopped is finished, and nobody hangs. */
static void test_stop_while_writing(Fixture *f, gconstpointer data)
{
	g_autofree char *path = pool_path(f, 0);
	g_autoptr(GByteArray) wanted = scratch_records("k", "v", NULL);
	const KvpRequest set = {
		.op = HVIS_KVP_OP_SET, .has_value = TRUE, .key = "k", .value = "v"
	};
	const KvpRequest get = {
		.op = HVIS_KVP_OP_GET, .pool = HVIS_KVP_POOL_AUTO, .key = "OSName"
	};
	hvis_autofd int theirs = -1;

	welcome(f);
	g_assert_cmphex(ask(f, &get).status, ==, HVIS_S_OK);
	theirs = hvis_open(path, O_RDWR, NULL);
	g_assert_cmpint(flock(theirs, LOCK_EX), ==, 0);
	send_request(f, &set);
	for (gint64 end = g_get_monotonic_time() + 50000; g_get_monotonic_time() < end;)
		g_main_context_iteration(NULL, FALSE);
	hvis_fd_clear(&theirs);
	g_clear_pointer(&f->kvpd, kvpd_free);
	scratch_assert_file(path, wanted);
	g_assert_cmphex(status_of(receive(f)), ==, HVIS_S_OK);
}

/* A program of the guest that wants to write, and does not wait for the answer. */
static int start_set(Fixture *f)
{
	static const char set[] = "{\"method\":\"io.hvis.Kvp.Set\","
				  "\"parameters\":{\"key\":\"k\",\"value\":\"v\"}}";
	g_autoptr(GError) error = NULL;
	int fd = varlink_socket_connect(f->socket, &error);

	g_assert_no_error(error);
	g_assert_cmpint(send(fd, set, sizeof(set), 0), ==, sizeof(set));
	return fd;
}

/*
 * Forty programs want to write to a pool that is locked, four at a time for a second each. The host
 * asks for another pool and must not stand in their queue; nor must the service manager, that wants
 * the daemon to stop.
 */
static void test_crowd(Fixture *f, gconstpointer data)
{
	g_autofree char *path = pool_path(f, 1);
	hvis_autofd int theirs = hvis_open(path, O_RDWR, NULL);
	int callers[40];
	gint64 start;

	configure(f, "[kvp]\nLockTimeout=1s\n");
	kvpd_reload(f->kvpd);
	welcome(f);
	g_assert_cmpint(flock(theirs, LOCK_EX), ==, 0);
	for (guint i = 0; i < G_N_ELEMENTS(callers); i++)
		callers[i] = start_set(f);
	for (gint64 end = g_get_monotonic_time() + 50000; g_get_monotonic_time() < end;)
		g_main_context_iteration(NULL, FALSE);
	start = g_get_monotonic_time();
	g_assert_cmphex(host_set(f, "k", "v"), ==, HVIS_S_OK);
	g_clear_pointer(&f->kvpd, kvpd_free);
	g_assert_cmpint(g_get_monotonic_time() - start, <, 5 * G_USEC_PER_SEC);
	for (guint i = 0; i < G_N_ELEMENTS(callers); i++)
		hvis_fd_clear(&callers[i]);
}

static void test_configuration(Fixture *f, gconstpointer data)
{
	const char *bad[] = { "[kvp]\nLockTimeout=1h\n", "[kvp]\nLokTimeout=1s\n", "[kwp]\nx=1\n" };

	for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
		g_autoptr(GError) error = NULL;

		configure(f, bad[i]);
		g_assert_null(kvpd_new(&f->options, &error));
		g_assert_error(error, HVIS_ERROR, HVIS_ERROR_INVALID);
		g_assert_nonnull(strstr(error->message, "hvis.conf:"));
	}
	/* The one that runs says so, and goes on as it was. */
	kvpd_reload(f->kvpd);
	g_assert_cmpint(warnings, ==, 1);
	welcome(f);
	g_assert_cmphex(host_set(f, "k", "v"), ==, HVIS_S_OK);
}

/* Both take effect at SIGHUP. */
static void test_pool_configuration(Fixture *f, gconstpointer data)
{
	welcome(f);
	configure(f, "[kvp]\nMaxRecords=1\nSync=batched\n");
	kvpd_reload(f->kvpd);
	g_assert_cmphex(host_set(f, "k", "v"), ==, HVIS_S_OK);
	g_assert_cmphex(host_set(f, "l", "v"), ==, HVIS_E_DISK_FULL);
	g_assert_cmphex(host_set(f, "k", "w"), ==, HVIS_S_OK);
	configure(f, "[kvp]\nMaxRecords=2\nSync=never\n");
	kvpd_reload(f->kvpd);
	g_assert_cmphex(host_set(f, "l", "v"), ==, HVIS_S_OK);
	configure(f, "[kvp]\nMaxRecords=0\n");
	kvpd_reload(f->kvpd);
	configure(f, "[kvp]\nSync=sometimes\n");
	kvpd_reload(f->kvpd);
	g_assert_cmphex(host_set(f, "m", "v"), ==, HVIS_E_DISK_FULL);
	g_assert_cmpint(warnings, ==, 3); /* a full pool, and two of the configuration */
}

/* A directory that cannot be: the host is served from memory, and everybody is told. */
static void test_unstored(Fixture *f, gconstpointer data)
{
	KvpRequest request = { .op = HVIS_KVP_OP_ENUMERATE };
	g_autofree char *path = pool_path(f, 0);
	g_autoptr(GByteArray) wanted = scratch_records("k", "v", NULL);
	KvpReply reply;
	int before;

	welcome(f);
	for (int i = 0; i < HVIS_KVP_POOL_N; i++) {
		g_autofree char *file = pool_path(f, i);

		g_assert_cmpint(g_remove(file), ==, 0);
	}
	g_assert_cmpint(g_rmdir(f->pools), ==, 0);
	g_assert_true(g_file_set_contents(f->pools, "", 0, NULL));
	before = warnings;
	g_assert_cmphex(host_set(f, "k", "v"), ==, HVIS_S_OK);
	reply = ask(f, &request);
	g_assert_cmphex(reply.status, ==, HVIS_S_OK);
	g_assert_cmpstr(reply.value, ==, "v");
	g_assert_cmpint(warnings, ==, before + 1);
	g_assert_cmpint(g_remove(f->pools), ==, 0);
	for (gint64 end = g_get_monotonic_time() + PATIENCE_US;
		!g_file_test(path, G_FILE_TEST_EXISTS) && g_get_monotonic_time() < end;) {
		if (!g_main_context_iteration(NULL, FALSE))
			g_usleep(200);
	}
	reply = ask(f, &request);
	g_assert_cmpstr(reply.value, ==, "v");
	assert_status(f, "status.counters.refused", "0");
	g_clear_pointer(&f->kvpd, kvpd_free);
	scratch_assert_file(path, wanted);
}

static gboolean parse(const char *line, KvpdOptions *ret, GError **error)
{
	g_auto(GStrv) args = g_strsplit(line, " ", -1);
	g_autofree char **argv = g_memdup2(args, sizeof(char *) * (g_strv_length(args) + 1));

	return kvpd_options_parse(ret, (int)g_strv_length(args), argv, error);
}

static void test_options(void)
{
	const char *bad[] = { "hv_kvp_daemon --nonsense", "hv_kvp_daemon word",
		"hv_kvp_daemon --device" };
	g_auto(KvpdOptions) all = { 0 };
	g_auto(KvpdOptions) none = { 0 };
	g_autoptr(GError) error = NULL;

	parse("hv_kvp_daemon -n --device=/d --pool-dir /p --socket=/s -d", &all, &error);
	g_assert_no_error(error);
	g_assert_cmpstr(all.device, ==, "/d");
	g_assert_cmpstr(all.pool_dir, ==, "/p");
	g_assert_cmpstr(all.socket, ==, "/s");
	g_assert_true(all.debug);

	g_assert_true(parse("hv_kvp_daemon", &none, NULL));
	g_assert_cmpstr(none.device, ==, "/dev/vmbus/hv_kvp");
	g_assert_cmpstr(none.socket, ==, "/run/hvis/kvp");
	g_assert_cmpstr(none.pool_dir, ==, HVIS_POOL_DIR);
	g_assert_false(none.debug);

	for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
		g_auto(KvpdOptions) wrong = { 0 };

		g_assert_false(parse(bad[i], &wrong, NULL));
	}
}

/* hvctl looked for "pools/.kvp_pool_1" where it was itself: "kvp stale" said no. */
static void test_relative_pool_dir(void)
{
	g_autofree char *here = g_get_current_dir();
	g_autofree char *pools = g_build_filename(here, "pools", NULL);
	g_auto(KvpdOptions) options = { 0 };

	g_assert_true(parse("hv_kvp_daemon --pool-dir ./pools", &options, NULL));
	g_assert_cmpstr(options.pool_dir, ==, pools);
}

/* Whoever cannot wait for the end must not lose what is in memory only. */
static void test_second_signal(void)
{
	Fixture f = { 0 };

	if (!g_test_subprocess()) {
		g_test_trap_subprocess(NULL, 0, G_TEST_SUBPROCESS_INHERIT_STDERR);
		g_test_trap_assert_passed();
		return;
	}
	set_up(&f, NULL);
	kvpd_catch_signals(f.kvpd);
	raise(SIGTERM);
	kvpd_run(f.kvpd);
	raise(SIGTERM);
	raise(SIGINT);
	raise(SIGHUP);
	tear_down(&f, NULL);
}

/* --- repairs --- */

/* Half of a record is written, then the program is killed. */
static ssize_t die_halfway(int fd, const void *buf, size_t len, off_t offset)
{
	if (len != 3 * 512)
		return pwrite(fd, buf, len, offset);
	if (pwrite(fd, buf, 512, offset) == 512)
		raise(SIGKILL);
	_exit(1);
}

static void cut_off_a_change(const char *dir, guint number, const char *value)
{
	static const KvpPoolOps ops = { die_halfway, ftruncate, fsync };
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		g_autoptr(KvpPool) pool = kvp_pool_new(dir, number, &ops);

		kvp_pool_set(pool, "Long", value, NULL, NULL);
		_exit(0);
	}
	g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
	g_assert_true(WIFSIGNALED(status));
}

static void start_again(Fixture *f)
{
	g_autoptr(GError) error = NULL;

	kvpd_free(f->kvpd);
	f->kvpd = kvpd_new(&f->options, &error);
	g_assert_no_error(error);
	g_assert_true(kvpd_start(f->kvpd, &error));
}

/* A start that finishes what a dead program had begun says so once, with the id of the catalog and the pool. */
static void test_pool_repaired(Fixture *f, gconstpointer data)
{
	g_autofree char *old = g_strnfill(1400, 'o'), *new = g_strnfill(1400, 'n');
	g_autoptr(KvpPool) pool = kvp_pool_new(f->pools, 1, NULL);
	g_autoptr(KvpRecords) records = NULL;

	g_assert_true(kvp_pool_set(pool, "Long", old, NULL, NULL));
	start_again(f);
	g_assert_cmpint(repairs, ==, 0);
	cut_off_a_change(f->pools, 1, new);
	start_again(f);
	g_assert_cmpint(repairs, ==, 1);
	g_assert_cmpstr(repaired, ==, "guest");
	records = kvp_pool_read(pool, NULL);
	g_assert_cmpstr(kvp_records_get(records, "Long"), ==, new);
	start_again(f);
	g_assert_cmpint(repairs, ==, 1);
	g_assert_cmpint(warnings, ==, 0);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_log_set_writer_func(take_log, NULL, NULL);
	g_test_add_func("/kvpd/socket/limits", test_limits);
	g_test_add_func("/kvpd/daemon/second-signal", test_second_signal);
	g_test_add_func("/kvpd/options", test_options);
	g_test_add_func("/kvpd/options/relative-pool-dir", test_relative_pool_dir);
#define ADD(name, func) g_test_add("/kvpd/" name, Fixture, NULL, set_up, func, tear_down)
	ADD("daemon/host", test_host);
	ADD("daemon/waits-for-device", test_waits_for_device);
	ADD("daemon/rescind", test_rescind);
	ADD("daemon/busy", test_busy);
	ADD("daemon/busy-while-trying-again", test_busy_while_trying_again);
	ADD("daemon/renegotiation", test_renegotiation);
	ADD("daemon/garbage", test_garbage);
	ADD("daemon/host-says-register", test_host_says_register);
	ADD("daemon/flood-of-failures", test_flood_of_failures);
	ADD("daemon/locked-pool", test_locked_pool);
	ADD("daemon/one-daemon", test_one_daemon);
	ADD("daemon/stop-while-writing", test_stop_while_writing);
	ADD("daemon/crowd", test_crowd);
	ADD("daemon/configuration", test_configuration);
	ADD("daemon/pool-configuration", test_pool_configuration);
	ADD("daemon/unstored", test_unstored);
	ADD("daemon/pool-repaired", test_pool_repaired);
	ADD("socket/methods", test_socket);
	ADD("socket/list", test_list);
	ADD("socket/list-longer-than-a-message", test_list_longer_than_a_message);
	ADD("socket/facts-are-counted", test_facts_are_counted);
	ADD("socket/torn-pool-is-told", test_torn_pool_is_told);
	return g_test_run();
}

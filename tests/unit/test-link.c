/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Link mode: the contract of hvis/link.h and what hv_utils does between host and daemon. The daemon
 * here is this test: it writes bytes into the socket and looks at bytes that come out.
 */
#include <errno.h>
#include <glib/gstdio.h>
#include <hvis/hresult.h>
#include <hvis/link.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <transport/transport.h>
#include <util/clock.h>
#include <util/error.h>
#include <util/fd.h>
#include <wire/kvp-device.h>
#include "host/fault.h"
#include "host/link.h"
#include "host/service/kvp.h"

#define KERNEL_TIMEOUT_MS 30000
#define GATE_MS 55000

typedef struct {
	char *dir, *path;
	HvisFakeClock *clock;
	Link *link;
	HostServices *all;
	HostService *kvp;
	int fd; /* the daemon's */
	guint calls;
	guint32 status;
	int code;
	char *text;
} Fixture;

static void setup(Fixture *f, gconstpointer spec)
{
	g_autoptr(GError) error = NULL;

	f->dir = g_dir_make_tmp("hvis-link-XXXXXX", NULL);
	f->path = g_build_filename(f->dir, "hv_kvp", NULL);
	f->clock = hvis_fake_clock_new();
	f->link = link_new(f->dir, hvis_fake_clock_get(f->clock), &error);
	g_assert_no_error(error);
	f->all = services_new_link(f->link, hvis_fake_clock_get(f->clock));
	services_add(f->all, spec ? spec : "kvp", &error);
	g_assert_no_error(error);
	f->kvp = services_get(f->all, "kvp", NULL);
	f->fd = -1;
}

static void teardown(Fixture *f, gconstpointer spec)
{
	fault_clear();
	hvis_fd_clear(&f->fd);
	services_free(f->all);
	link_free(f->link);
	g_assert_cmpuint(hvis_fake_clock_pending(f->clock), ==, 0);
	hvis_fake_clock_free(f->clock);
	g_assert_cmpint(g_access(f->path, F_OK), !=, 0);
	g_assert_cmpint(g_rmdir(f->dir), ==, 0);
	g_free(f->path);
	g_free(f->dir);
	g_free(f->text);
}

/* All that is due on the sockets. */
static void spin(void)
{
	while (g_main_context_iteration(NULL, FALSE))
		;
}

/* --- the daemon --- */

static int daemon_connect(Fixture *f)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	g_strlcpy(address.sun_path, f->path, sizeof(address.sun_path));
	g_assert_cmpint(fd, >=, 0);
	g_assert_cmpint(connect(fd, (struct sockaddr *)&address, sizeof(address)), ==, 0);
	spin();
	return fd;
}

static void expect_notice(int fd, int err)
{
	struct hvis_link_notice notice;

	spin();
	g_assert_cmpint(recv(fd, &notice, sizeof(notice), MSG_TRUNC), ==, sizeof(notice));
	g_assert_cmphex(hvis_le32_get(notice.magic), ==, HVIS_LINK_MAGIC);
	g_assert_cmpint((int)hvis_le32_get(notice.error), ==, err);
}

static void expect_nothing(int fd)
{
	guint8 byte;

	spin();
	g_assert_cmpint(recv(fd, &byte, 1, 0), ==, -1);
	g_assert_cmpint(errno, ==, EAGAIN);
}

static void expect_end(int fd)
{
	guint8 byte;

	spin();
	g_assert_cmpint(recv(fd, &byte, 1, 0), ==, 0);
}

static void daemon_send(Fixture *f, const void *bytes, gsize len)
{
	g_assert_cmpint(send(f->fd, bytes, len, MSG_NOSIGNAL), ==, (gssize)len);
	spin();
}

static void daemon_receive(Fixture *f, struct hvis_kvp_dev_msg *ret)
{
	spin();
	g_assert_cmpint(recv(f->fd, ret, sizeof(*ret), MSG_TRUNC), ==, sizeof(*ret));
}

static void expect_request(Fixture *f, KvpRequest *ret)
{
	struct hvis_kvp_dev_msg message;
	g_autoptr(GError) error = NULL;

	daemon_receive(f, &message);
	kvp_request_decode(&message, sizeof(message), ret, &error);
	g_assert_no_error(error);
}

static void daemon_answer(Fixture *f, const KvpAnswer *answer)
{
	struct hvis_kvp_dev_msg message;

	g_assert_true(kvp_answer_encode(answer, &message, NULL));
	daemon_send(f, &message, sizeof(message));
}

static void open_device(Fixture *f)
{
	f->fd = daemon_connect(f);
	expect_notice(f->fd, 0);
}

static void register_daemon(Fixture *f)
{
	struct hvis_kvp_dev_msg message;

	open_device(f);
	kvp_register_encode(&message);
	daemon_send(f, &message, sizeof(message));
	daemon_receive(f, &message);
	g_assert_cmpuint(message.hdr.op, ==, HVIS_KVP_OP_REGISTER1);
	g_assert_cmpstr((char *)message.body.version, ==, "3.1");
	g_assert_cmpint(service_state(f->kvp), ==, SERVICE_READY);
}

/* --- the host --- */

static void record(Fixture *f, guint32 status, const GError *error, char *text)
{
	f->calls++;
	f->status = status;
	f->code = error ? error->code : -1;
	g_free(f->text);
	f->text = text;
}

static void on_done(guint32 status, const GError *error, gpointer data)
{
	record(data, status, error, NULL);
}

static void on_item(guint32 status, const KvpItem *item, const GError *error, gpointer data)
{
	record(data, status, error,
		item ? g_strdup_printf("%s=%s", item->key, item->value.text) : NULL);
}

static void on_ip(guint32 status, const KvpIpInfo *ip, const GError *error, gpointer data)
{
	record(data, status, error,
		ip ? g_strdup_printf("%s %s %s dhcp%d family%u", ip->adapter_id, ip->addresses[1],
			     ip->dns[0], ip->dhcp, ip->family)
		   : NULL);
}

static void assert_told(Fixture *f, guint calls, guint32 status)
{
	g_assert_cmpuint(f->calls, ==, calls);
	g_assert_cmpint(f->code, ==, -1);
	g_assert_cmphex(f->status, ==, status);
}

static void set_text(Fixture *f, const char *key, const char *text)
{
	KvpValue v = { .type = HVIS_KVP_REG_SZ, .text = (char *)text };

	kvp_set(f->kvp, 0, key, &v, on_done, f);
}

/* --- opening --- */

static void test_register(Fixture *f, gconstpointer spec)
{
	IcVersion framework, message;
	struct stat st;

	g_assert_cmpint(g_stat(f->path, &st), ==, 0);
	g_assert_cmpuint(st.st_mode, ==, S_IFSOCK | 0600);
	g_assert_cmpint(service_state(f->kvp), ==, SERVICE_OFFERED);
	register_daemon(f);
	g_assert_true(service_versions(f->kvp, &framework, &message));
	g_assert_cmpuint(framework.major, ==, 3);
	g_assert_cmpuint(message.major, ==, 4); /* 5 was offered */
	hvis_fd_clear(&f->fd);
	spin();
	g_assert_cmpint(service_state(f->kvp), ==, SERVICE_OFFERED);
	register_daemon(f); /* and again */
}

static void test_second_opener(Fixture *f, gconstpointer spec)
{
	hvis_autofd int second = -1;

	register_daemon(f);
	second = daemon_connect(f);
	expect_notice(second, EBUSY);
	expect_end(second);
	expect_nothing(f->fd);
	g_assert_cmpint(service_state(f->kvp), ==, SERVICE_READY);
}

static void test_not_registered(Fixture *f, gconstpointer spec)
{
	struct hvis_kvp_dev_msg message = { .hdr.op =
						    4 }; /* the registration of the netlink days */

	open_device(f);
	g_assert_cmpint(service_state(f->kvp), ==, SERVICE_NEGOTIATING);
	daemon_send(f, &message, sizeof(message));
	expect_notice(f->fd, EINVAL);
	daemon_send(f, "abc", 3);
	expect_notice(f->fd, EINVAL);
	set_text(f, "k", "v");
	expect_nothing(f->fd);
	hvis_fake_clock_advance(f->clock, GATE_MS - 1);
	g_assert_cmpint(service_state(f->kvp), ==, SERVICE_NEGOTIATING);
	hvis_fake_clock_advance(f->clock, 1); /* answered without a daemon, as the driver does */
	g_assert_cmpint(service_state(f->kvp), ==, SERVICE_READY);
	assert_told(f, 1, HVIS_E_FAIL);
	expect_nothing(f->fd);
	kvp_register_encode(&message);
	daemon_send(f, &message, sizeof(message));
	daemon_receive(f, &message);
	set_text(f, "k", "v");
	daemon_receive(f, &message);
	g_assert_cmpuint(message.hdr.op, ==, HVIS_KVP_OP_SET);
}

static void test_refused_versions(Fixture *f, gconstpointer spec)
{
	struct hvis_kvp_dev_msg message;

	open_device(f);
	kvp_register_encode(&message);
	daemon_send(f, &message, sizeof(message));
	daemon_receive(f, &message);
	g_assert_cmpint(service_state(f->kvp), ==, SERVICE_REFUSED);
}

/* --- sizes --- */

static void test_sizes(Fixture *f, gconstpointer spec)
{
	struct {
		struct hvis_kvp_dev_msg message;
		guint8 tail[100];
	} big = { .tail = { 1 } };
	KvpRequest r;

	register_daemon(f);
	set_text(f, "k", "v");
	expect_request(f, &r);
	for (gsize n = 0; n < sizeof(big.message); n += n < 8 ? 1 : 1237) {
		daemon_send(f, &big, n);
		expect_notice(f->fd, EINVAL);
		g_assert_cmpuint(f->calls, ==, 0); /* it may yet answer properly */
	}
	daemon_send(f, &big, sizeof(big)); /* a longer one is taken */
	assert_told(f, 1, HVIS_S_OK);
}

static void test_unasked(Fixture *f, gconstpointer spec)
{
	struct hvis_kvp_dev_msg message = { .hdr.op = 0 };

	register_daemon(f);
	daemon_send(f, &message, sizeof(message));
	expect_notice(f->fd, EINVAL);
	kvp_register_encode(&message);
	daemon_send(f, &message, sizeof(message)); /* once is enough */
	expect_notice(f->fd, EINVAL);
	g_assert_cmpint(service_state(f->kvp), ==, SERVICE_READY);
}

/* --- time --- */

static void test_timeout(Fixture *f, gconstpointer spec)
{
	struct hvis_kvp_dev_msg message = { .hdr.op = 0 };
	KvpRequest r;

	register_daemon(f);
	set_text(f, "k", "v");
	set_text(f, "l", "w");
	expect_request(f, &r);
	g_assert_cmpstr(r.key, ==, "k");
	expect_nothing(f->fd); /* one at a time */
	hvis_fake_clock_advance(f->clock, KERNEL_TIMEOUT_MS - 1);
	g_assert_cmpuint(f->calls, ==, 0);
	hvis_fake_clock_advance(f->clock, 1);
	assert_told(f, 1, HVIS_E_FAIL);
	expect_request(f, &r);
	g_assert_cmpstr(r.key, ==, "l");
	daemon_answer(f, &(KvpAnswer){ .op = HVIS_KVP_OP_SET });
	assert_told(f, 2, HVIS_S_OK);
	daemon_send(f, &message, sizeof(message)); /* the late answer */
	expect_notice(f->fd, EINVAL);
	g_assert_cmpuint(f->calls, ==, 2);
}

/* A host less patient than the driver: its next request waits until the driver gives up. */
static void test_impatient_host(Fixture *f, gconstpointer spec)
{
	KvpRequest r;

	register_daemon(f);
	set_text(f, "k", "v");
	expect_request(f, &r);
	set_text(f, "l", "w");
	hvis_fake_clock_advance(f->clock, 1000);
	g_assert_cmpint(f->code, ==, HVIS_ERROR_TIMEOUT);
	expect_nothing(f->fd);
	daemon_answer(f, &(KvpAnswer){ .op = HVIS_KVP_OP_SET });
	g_assert_cmpuint(service_counters(f->kvp)->late, ==, 1);
	expect_request(f, &r);
	g_assert_cmpstr(r.key, ==, "l");
	daemon_answer(f, &(KvpAnswer){ .op = HVIS_KVP_OP_SET });
	assert_told(f, 2, HVIS_S_OK);
}

static void test_disconnect(Fixture *f, gconstpointer spec)
{
	KvpRequest r;

	register_daemon(f);
	set_text(f, "k", "v");
	expect_request(f, &r);
	hvis_fd_clear(&f->fd);
	spin();
	assert_told(f, 1, HVIS_E_FAIL); /* as the driver answers */
	set_text(f, "k", "v");
	g_assert_cmpuint(f->calls, ==, 2);
	g_assert_cmpint(f->code, ==, HVIS_ERROR_CLOSED);
	register_daemon(f);
	set_text(f, "k", "v");
	expect_request(f, &r);
}

static void test_rescind(Fixture *f, gconstpointer spec)
{
	KvpRequest r;

	register_daemon(f);
	set_text(f, "k", "v");
	expect_request(f, &r);
	service_disable(f->kvp);
	g_assert_cmpuint(f->calls, ==, 1);
	g_assert_cmpint(f->code, ==, HVIS_ERROR_CLOSED);
	expect_end(f->fd);
	g_assert_cmpint(g_access(f->path, F_OK), !=, 0);
	hvis_fd_clear(&f->fd);
	g_assert_true(service_enable(f->kvp, NULL));
	register_daemon(f);
}

/* --- conversions --- */

static void test_set(Fixture *f, gconstpointer spec)
{
	static const struct {
		guint32 type;
		const char *text;
		guint64 number;
		const char *want; /* NULL = the driver loses it */
	} cases[] = {
		{ HVIS_KVP_REG_SZ, "v\360\237\230\200\303\244", 0, "v\360\237\230\200\303\244" },
		{ HVIS_KVP_REG_SZ, "", 0, "" },
		{ HVIS_KVP_REG_U32, NULL, G_MAXUINT32, "4294967295" },
		{ HVIS_KVP_REG_U64_LINUX, NULL, G_MAXUINT64, "18446744073709551615" },
		{ HVIS_KVP_REG_U64, NULL, 5, NULL },
		{ HVIS_KVP_REG_EXPAND_SZ, "x", 0, NULL },
	};

	register_daemon(f);
	for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
		KvpValue v = { cases[i].type, (char *)cases[i].text, cases[i].number };
		KvpRequest r;

		kvp_set(f->kvp, 3, "key\303\244", &v, on_done, f);
		expect_request(f, &r);
		g_assert_cmpuint(r.op, ==, HVIS_KVP_OP_SET);
		g_assert_cmpuint(r.pool, ==, 3);
		g_assert_cmpuint(r.type, ==, 0);
		g_assert_cmpstr(r.key, ==, "key\303\244");
		g_assert_cmpint(r.has_value, ==, cases[i].want != NULL);
		g_assert_cmpstr(r.value, ==, cases[i].want ? cases[i].want : "");
		daemon_answer(f, &(KvpAnswer){ .op = HVIS_KVP_OP_SET });
		assert_told(f, i + 1, HVIS_S_OK);
	}
}

/* 255 and 1023 units fit the wire; as UTF-8 they need more than the device has, and are cut. */
static void test_set_longest(Fixture *f, gconstpointer spec)
{
	g_autoptr(GString) key = g_string_new(NULL);
	g_autoptr(GString) value = g_string_new(NULL);
	KvpRequest r;

	for (guint i = 0; i < 255; i++)
		g_string_append(key, "\344\275\240");
	for (guint i = 0; i < 1023; i++)
		g_string_append(value, "\303\244");
	register_daemon(f);
	set_text(f, key->str, value->str);
	expect_request(f, &r);
	g_assert_cmpuint(strlen(r.key), ==, 510); /* whole characters */
	g_assert_cmpuint(strlen(r.value), ==, 2046);
	g_assert_true(g_str_has_prefix(key->str, r.key));
}

static void test_enumerate(Fixture *f, gconstpointer spec)
{
	KvpRequest r;

	register_daemon(f);
	kvp_enumerate(f->kvp, 2, 4, on_item, f);
	expect_request(f, &r);
	g_assert_cmpuint(r.op, ==, HVIS_KVP_OP_ENUMERATE);
	g_assert_cmpuint(r.pool, ==, 2);
	g_assert_cmpuint(r.index, ==, 4);
	daemon_answer(
		f, &(KvpAnswer){ .op = r.op, .key = "k\303\244", .value = "\360\237\230\200" });
	assert_told(f, 1, HVIS_S_OK);
	g_assert_cmpstr(f->text, ==, "k\303\244=\360\237\230\200");
	kvp_enumerate(f->kvp, 2, 5, on_item, f);
	expect_request(f, &r);
	daemon_answer(f, &(KvpAnswer){ .op = r.op, .status = HVIS_E_NO_MORE_ITEMS });
	assert_told(f, 2, HVIS_E_NO_MORE_ITEMS);
}

/* What does not fit into 254 and 1022 units is cut on its way to the host. */
static void test_enumerate_longest(Fixture *f, gconstpointer spec)
{
	g_autofree char *key = g_strnfill(400, 'k');
	g_autofree char *value = g_strnfill(2000, 'v');
	KvpRequest r;

	register_daemon(f);
	kvp_enumerate(f->kvp, 1, 0, on_item, f);
	expect_request(f, &r);
	daemon_answer(f, &(KvpAnswer){ .op = r.op, .key = key, .value = value });
	assert_told(f, 1, HVIS_S_OK);
	g_assert_cmpuint(strlen(f->text), ==, 254 + 1 + 1022);
}

static void test_broken_utf8(Fixture *f, gconstpointer spec)
{
	struct hvis_kvp_dev_msg message = { .hdr.op = 0 };
	KvpRequest r;

	register_daemon(f);
	kvp_enumerate(f->kvp, 1, 0, on_item, f);
	expect_request(f, &r);
	memcpy(message.body.enumerate.pair.value, "a\xff", 2);
	daemon_send(f, &message, sizeof(message));
	assert_told(f, 1, HVIS_E_FAIL);
}

static void test_get(Fixture *f, gconstpointer spec)
{
	KvpRequest r;

	register_daemon(f);
	kvp_get_raw(f->kvp, 1, "key", on_item, f);
	expect_request(f, &r);
	g_assert_cmpuint(r.op, ==, HVIS_KVP_OP_GET);
	g_assert_cmpstr(r.key, ==, "key");
	daemon_answer(f, &(KvpAnswer){ .op = r.op, .key = "key", .value = "v" });
	assert_told(f, 1, HVIS_S_OK);
	g_assert_cmpstr(f->text, ==, "key=v");
}

static void test_remove(Fixture *f, gconstpointer spec)
{
	KvpRequest r;

	register_daemon(f);
	kvp_remove(f->kvp, 0, "key", on_done, f);
	expect_request(f, &r);
	g_assert_cmpuint(r.op, ==, HVIS_KVP_OP_DELETE);
	g_assert_cmpstr(r.key, ==, "key");
	daemon_answer(f, &(KvpAnswer){ .op = r.op, .status = HVIS_E_NOT_FOUND });
	assert_told(f, 1, HVIS_E_NOT_FOUND);
}

static void test_ip(Fixture *f, gconstpointer spec)
{
	char *addresses[] = { (char *)"10.0.0.1", (char *)"fe80::1", NULL };
	KvpIpInfo ip = { .adapter_id = (char *)"{guid}",
		.family = 3,
		.dhcp = TRUE,
		.addresses = addresses,
		.subnets = addresses };
	KvpIp answer = { .adapter = "aa:bb",
		.family = 1,
		.dhcp = TRUE,
		.address = "1.2.3.4;5.6.7.8",
		.dns = "9.9.9.9" };
	KvpRequest r;

	register_daemon(f);
	kvp_ip_set(f->kvp, &ip, on_done, f);
	expect_request(f, &r);
	g_assert_cmpuint(r.op, ==, HVIS_KVP_OP_SET_IP_INFO);
	g_assert_cmpstr(r.ip.adapter, ==, "{guid}");
	g_assert_cmpstr(r.ip.address, ==, "10.0.0.1;fe80::1");
	g_assert_cmpuint(r.ip.family, ==, 3);
	g_assert_true(r.ip.dhcp);
	daemon_answer(f, &(KvpAnswer){ .op = r.op });
	assert_told(f, 1, HVIS_S_OK);
	kvp_ip_get(f->kvp, "AA:BB", on_ip, f);
	expect_request(f, &r);
	g_assert_cmpstr(r.ip.adapter, ==, "AA:BB");
	daemon_answer(f, &(KvpAnswer){ .op = r.op, .ip = &answer });
	assert_told(f, 2, HVIS_S_OK);
	g_assert_cmpstr(f->text, ==, "aa:bb 5.6.7.8 9.9.9.9 dhcp1 family1");
}

/* --- faults --- */

static void test_faults(Fixture *f, gconstpointer spec)
{
	struct hvis_kvp_dev_msg message;
	KvpRequest r;

	register_daemon(f);
	g_assert_cmpuint(fault_add("drop:link/kvp:count=1", NULL), !=, 0);
	set_text(f, "k", "v");
	expect_nothing(f->fd);
	hvis_fake_clock_advance(f->clock, KERNEL_TIMEOUT_MS);
	assert_told(f, 1, HVIS_E_FAIL);
	g_assert_cmpuint(fault_add("duplicate:link/kvp:count=1", NULL), !=, 0);
	set_text(f, "l", "w");
	expect_request(f, &r);
	daemon_receive(f, &message);
	daemon_answer(f, &(KvpAnswer){ .op = r.op });
	assert_told(f, 2, HVIS_S_OK);
	daemon_answer(f, &(KvpAnswer){ .op = r.op }); /* to the copy */
	expect_notice(f->fd, EINVAL);
}

/* --- corners of the session --- */

static void test_close_unregistered(Fixture *f, gconstpointer spec)
{
	open_device(f);
	set_text(f, "k", "v");
	hvis_fd_clear(&f->fd);
	spin();
	g_assert_cmpuint(f->calls, ==, 1);
	g_assert_cmpint(f->code, ==, HVIS_ERROR_CLOSED);
	g_assert_cmpint(service_state(f->kvp), ==, SERVICE_OFFERED);
}

/* Asked for an answer, a registration is one: its operation reads as a status. */
static void test_register_as_answer(Fixture *f, gconstpointer spec)
{
	struct hvis_kvp_dev_msg message;
	KvpRequest r;

	register_daemon(f);
	set_text(f, "k", "v");
	expect_request(f, &r);
	kvp_register_encode(&message);
	daemon_send(f, &message, sizeof(message));
	assert_told(f, 1, HVIS_KVP_OP_REGISTER1);
	expect_nothing(f->fd);
}

/* What the daemon's own transport makes of the notices. */
static void test_transport(Fixture *f, gconstpointer spec)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(HvisTransport) first = hvis_transport_open_path(f->path, &error);
	g_autoptr(HvisTransport) second = NULL;
	struct hvis_kvp_dev_msg message;

	g_assert_no_error(error);
	spin();
	g_assert_cmpint(hvis_transport_receive(first, &message, sizeof(message), NULL), ==, 0);
	kvp_register_encode(&message);
	g_assert_true(hvis_transport_send(first, &message, sizeof(message), NULL));
	spin();
	g_assert_cmpint(hvis_transport_receive(first, &message, sizeof(message), NULL), ==,
		sizeof(message));
	g_assert_true(hvis_transport_send(first, &message, sizeof(message), NULL));
	spin();
	g_assert_cmpint(hvis_transport_receive(first, &message, sizeof(message), &error), ==, -1);
	g_assert_true(hvis_error_is(error, HVIS_ERROR_PROTOCOL));
	g_clear_error(&error);

	second = hvis_transport_open_path(f->path, NULL);
	spin();
	g_assert_cmpint(hvis_transport_receive(second, &message, sizeof(message), &error), ==, -1);
	g_assert_true(hvis_error_is(error, HVIS_ERROR_BUSY));
	g_clear_error(&error);
	service_disable(f->kvp);
	spin();
	g_assert_cmpint(hvis_transport_receive(first, &message, sizeof(message), &error), ==, -1);
	g_assert_true(hvis_error_is(error, HVIS_ERROR_CLOSED));
}

/* --- the directory --- */

static void test_other_services(Fixture *f, gconstpointer spec)
{
	g_autoptr(GError) error = NULL;

	g_assert_false(services_add(f->all, "heartbeat", &error));
	g_assert_true(hvis_error_is(error, HVIS_ERROR_UNSUPPORTED));
	g_assert_true(services_add_missing(f->all, NULL));
	g_assert_cmpuint(services_count(f->all), ==, 3); /* vss and fcopy have devices, too */
}

static void test_in_use(Fixture *f, gconstpointer spec)
{
	g_autoptr(GError) error = NULL;

	g_assert_null(link_new(f->dir, NULL, &error));
	g_assert_true(hvis_error_is(error, HVIS_ERROR_BUSY));
	register_daemon(f);
}

/* One daemon goes and the next comes before the link has looked. */
static void test_restart(Fixture *f, gconstpointer spec)
{
	struct hvis_kvp_dev_msg message = { .hdr.op = 0 };
	KvpRequest r;

	register_daemon(f);
	set_text(f, "k", "v");
	expect_request(f, &r);
	g_assert_cmpint(send(f->fd, &message, sizeof(message), 0), ==, sizeof(message));
	hvis_fd_clear(&f->fd);
	register_daemon(f);
	assert_told(f, 1, HVIS_S_OK); /* the first one's last answer counts */
}

/* What a host that was killed leaves is replaced; a file is not. */
static void test_leftovers(Fixture *f, gconstpointer spec)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	hvis_autofd int dead = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	g_autoptr(GError) error = NULL;

	service_disable(f->kvp);
	g_strlcpy(address.sun_path, f->path, sizeof(address.sun_path));
	g_assert_cmpint(bind(dead, (struct sockaddr *)&address, sizeof(address)), ==, 0);
	hvis_fd_clear(&dead);
	g_assert_true(service_enable(f->kvp, NULL));
	register_daemon(f);
	service_disable(f->kvp);
	g_assert_true(g_file_set_contents(f->path, "x", 1, NULL));
	g_assert_false(service_enable(f->kvp, &error));
	g_assert_true(hvis_error_is(error, HVIS_ERROR_EXISTS));
	g_assert_cmpint(g_unlink(f->path), ==, 0);
}

static void test_long_path(void)
{
	g_autofree char *base = g_dir_make_tmp("hvis-link-XXXXXX", NULL);
	g_autofree char *name = g_strnfill(100, 'd');
	g_autofree char *dir = g_build_filename(base, name, NULL);
	g_autoptr(Link) link = link_new(dir, NULL, NULL);
	g_autoptr(HostServices) all = services_new_link(link, NULL);
	g_autoptr(GError) error = NULL;

	g_assert_cmpstr(link_dir(link), ==, dir);
	g_assert_false(services_add(all, "kvp", &error));
	g_assert_true(hvis_error_is(error, HVIS_ERROR_INVALID));
	g_assert_cmpint(g_rmdir(dir), ==, 0);
	g_assert_cmpint(g_rmdir(base), ==, 0);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
#define T(path, spec, func) g_test_add("/link/" path, Fixture, spec, setup, func, teardown)
	T("register", NULL, test_register);
	T("second-opener", NULL, test_second_opener);
	T("not-registered", NULL, test_not_registered);
	T("refused-versions", "kvp=versions=5.0", test_refused_versions);
	T("sizes", NULL, test_sizes);
	T("unasked", NULL, test_unasked);
	T("timeout", NULL, test_timeout);
	T("impatient-host", "kvp=timeout-ms=1000", test_impatient_host);
	T("disconnect", NULL, test_disconnect);
	T("rescind", NULL, test_rescind);
	T("set", NULL, test_set);
	T("set/longest", NULL, test_set_longest);
	T("enumerate", NULL, test_enumerate);
	T("enumerate/longest", NULL, test_enumerate_longest);
	T("enumerate/broken-utf8", NULL, test_broken_utf8);
	T("get", NULL, test_get);
	T("remove", NULL, test_remove);
	T("ip", NULL, test_ip);
	T("faults", NULL, test_faults);
	T("close-unregistered", NULL, test_close_unregistered);
	T("register-as-answer", NULL, test_register_as_answer);
	T("transport", NULL, test_transport);
	T("other-services", NULL, test_other_services);
	T("in-use", NULL, test_in_use);
	T("restart", NULL, test_restart);
	T("leftovers", NULL, test_leftovers);
#undef T
	g_test_add_func("/link/long-path", test_long_path);
	return g_test_run();
}

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The guest's end of a VMBus device, by its rings: sizes, interrupts, what a mad host does to the memory, how it ends;
 * and with a host in a thread of its own that no wake-up is lost. What sysfs says of a node is read from a tree
 * of files.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include <hvis/services.h>
#include <util/error.h>
#include <util/fd.h>

#include "tests/unit/remove-tree.h"
#include "tests/unit/uio-fixture.h"

/* --- rings --- */

/* All sizes that are worth it, every packet at another place, most of them around the end. */
static void test_wrap(void)
{
	static const gsize len[] = { 36, 1088, 100, 2000, 57 };

	for (guint pages = 2; pages <= 34; pages += pages < 6 ? 1 : 14) {
		Fixture f;

		fake_uio_init(&f.fake, pages);
		fake_uio_settle(&f.fake);
		for (guint i = 0; i < 300; i++) {
			ask(&f, i, (guint8)i, len[i % 5]);
			expect_asked(&f, (guint8)i, len[i % 5]);
			reply(&f, i);
			expect_status(&f, i, i, len[i % 5]);
		}
		g_assert_cmpuint(counters(&f).full, ==, 0);
		tear_down(&f, NULL);
	}
}

/* Nobody is interrupted who is awake, or does not want to be. */
static void test_interrupts(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	hvis_shared *in = f->fake.out.control, *out = f->fake.in.control;

	expect_nothing(f);
	g_assert_cmpuint(hvis_shared_load(in, HVIS_RING_MASK), ==, 0); /* idle: wake us */
	ask(f, 1, 1, 36);
	expect_asked(f, 1, 36);
	g_assert_cmpuint(hvis_shared_load(in, HVIS_RING_MASK), ==, 0); /* it may negotiate */
	ask(f, 2, 2, 36);
	expect_nothing(f);
	g_assert_cmpuint(hvis_shared_load(in, HVIS_RING_MASK), ==, 1); /* nothing more, please */
	ask(f, 3, 3, 36);
	g_assert_false(fake_uio_readable(&f->fake));
	reply(f, 0);
	g_assert_cmpuint(fake_uio_kicks(&f->fake), ==, 1);
	expect_asked(f, 2, 36);
	reply(f, 0);
	g_assert_cmpuint(fake_uio_kicks(&f->fake), ==, 0); /* it has not read the first */
	expect_asked(f, 3, 36);
	expect_status(f, 1, 0, 36);
	expect_status(f, 2, 0, 36);
	hvis_shared_store(out, HVIS_RING_MASK, 1);
	reply(f, 0);
	g_assert_cmpuint(fake_uio_kicks(&f->fake), ==, 0); /* it is at it */
	hvis_shared_store(out, HVIS_RING_MASK, 0);
	expect_status(f, 3, 0, 36);
	expect_nothing(f);
	g_assert_cmpuint(hvis_shared_load(in, HVIS_RING_MASK), ==, 0);
}

/* Some kernels mask as they count an interrupt. */
static void test_masked_by_kernel(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	for (guint8 i = 0; i < 3; i++) {
		ask(f, i, i, 36);
		hvis_shared_store(f->fake.out.control, HVIS_RING_MASK, 1);
		expect_asked(f, i, 36);
		reply(f, 0);
		expect_status(f, i, 0, 36);
	}
}

/* The host waits for room in its ring, and is told once there is. */
static void test_host_waits(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	guint64 sent = 0;
	guint8 body[1088] = { 0 };

	while (fake_uio_send(&f->fake, HVIS_IC_FCOPY, sent, body, sizeof(body)))
		sent++;
	g_assert_false(hvis_ring_write_wait(&f->fake.out, 8000));
	for (guint64 i = 0; i < sent; i++) {
		g_assert_cmpint(next_message(f), ==, sizeof(body));
		reply(f, 0);
		expect_status(f, i, 0, sizeof(body));
	}
	g_assert_cmpuint(fake_uio_kicks(&f->fake), ==, sent + 1);
}

typedef struct {
	const char *name;
	guint32 where, value; /* in the ring from the host, counted from its control page */
	const char *words;
} Flip;

/* Packets begin at the data, behind the control page. */
static void test_mad(gconstpointer data)
{
	const Flip *flip = data;
	Fixture f;

	set_up(&f, NULL);
	register_now(&f);
	g_assert_true(fake_uio_negotiate(&f.fake, 1, &fake_uio_versions));
	hvis_shared_store(f.fake.out.control, flip->where, flip->value);
	expect_closed(&f, flip->words);
	tear_down(&f, NULL);
}

/* The first 8 bytes are type, offset, length and flags, 16 bits each; the packet of a negotiation has 72 in all. */
static const Flip flips[] = {
	{ "index/odd", HVIS_RING_WRITE, 73, "an index" },
	{ "index/end", HVIS_RING_WRITE, 4 * 4096, "an index" },
	{ "index/beyond", HVIS_RING_WRITE, 0xfffffff8, "an index" },
	{ "index/short", HVIS_RING_WRITE, 16, "longer than" },
	{ "index/cuts", HVIS_RING_WRITE, 64, "longer than" },
	{ "type/0", 4096, 0x00020000, "no known type" },
	{ "type/12", 4096, 0x0002000c, "no known type" },
	{ "type/large", 4096, 0x0002ffff, "no known type" },
	{ "offset/0", 4096, 0x00000006, "begin outside" },
	{ "offset/1", 4096, 0x00010006, "begin outside" },
	{ "offset/beyond", 4096, 0x00ff0006, "begin outside" },
	{ "length/0", 4100, 0, "begin outside" },
	{ "length/beyond", 4100, 10, "longer than" },
	{ "length/huge", 4100, 0xffff, "longer than" },
};

static void test_mad_reader(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(GError) error = NULL;

	ask(f, 1, 1, 36);
	expect_asked(f, 1, 36);
	hvis_shared_store(f->fake.in.control, HVIS_RING_READ, 12);
	g_assert_false(hvis_transport_send(f->fake.guest, "\0\0\0", 4, &error));
	g_assert_true(hvis_error_is(error, HVIS_ERROR_CLOSED));
	expect_closed(f, "an index");
}

/* Seen when there is nothing to do but to wait: nothing would wake us. */
static void test_mad_at_rest(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	ask(f, 1, 1, 36);
	expect_asked(f, 1, 36);
	hvis_shared_store(f->fake.out.control, HVIS_RING_WRITE, 3);
	reply(f, 0);
	expect_closed(f, "an index");
}

/* It moves back what it has written, with nothing new behind: not to be read twice. */
static void test_mad_rewinds(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	ask(f, 1, 1, 36);
	expect_asked(f, 1, 36);
	reply(f, 0);
	hvis_shared_store(f->fake.out.control, HVIS_RING_WRITE, 0);
	fake_uio_interrupt(&f->fake);
	expect_closed(f, "the host has broken the ring");
}

/* What it writes over a packet that was taken changes nothing. */
static void test_mad_writes_later(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	ask(f, 1, 1, 36);
	ask(f, 2, 2, 36);
	expect_asked(f, 1, 36);
	expect_nothing(f); /* the second is parked */
	memset((guint8 *)f->fake.rings + f->fake.size / 2 + HVIS_RING_PAGE, 0xff,
		f->fake.size / 2 - HVIS_RING_PAGE);
	reply(f, 0);
	expect_status(f, 1, 0, 36);
	expect_asked(f, 2, 36);
	reply(f, 0);
	expect_status(f, 2, 0, 36);
}

/* Our own indexes are ours: what it writes there is not looked at. */
static void test_mad_writes_ours(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	ask(f, 1, 1, 36);
	ask(f, 2, 2, 36);
	hvis_shared_store(f->fake.in.control, HVIS_RING_WRITE, 0xffff);
	hvis_shared_store(f->fake.out.control, HVIS_RING_READ, 0xffff);
	expect_asked(f, 1, 36);
	reply(f, 0);
	expect_status(f, 1, 0, 36);
	hvis_shared_store(f->fake.out.control, HVIS_RING_READ, 0xffff);
	expect_asked(f, 2, 36);
	reply(f, 0);
	expect_status(f, 2, 0, 36);
}

/* --- the end --- */

static void test_hung_up(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	hvis_fd_clear(&f->fake.wire);
	expect_closed(f, "took the service away");
}

static void test_hung_up_on_reply(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(GError) error = NULL;

	ask(f, 1, 1, 36);
	expect_asked(f, 1, 36);
	hvis_fd_clear(&f->fake.wire);
	g_assert_false(hvis_transport_send(f->fake.guest, "\0\0\0", 4, &error));
	g_assert_true(hvis_error_is(error, HVIS_ERROR_CLOSED));
}

/* EIO, which is what the kernel gives; here of a terminal whose other end is closed. */
static void test_rescinded(void)
{
	Fixture f = { 0 };
	int master = -1, slave = -1;

	g_assert_cmpint(openpty(&master, &slave, NULL, NULL, NULL), ==, 0);
	g_assert_cmpint(fcntl(master, F_SETFL, O_NONBLOCK), ==, 0);
	f.fake.size = 4 * 4096;
	f.fake.guest = hvis_uio_new(master,
		mmap(NULL, f.fake.size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0),
		f.fake.size, "/dev/uio9", NULL);
	register_now(&f);
	expect_nothing(&f);
	hvis_fd_clear(&slave);
	expect_closed(&f, "took the service away");
	hvis_transport_close(f.fake.guest);
}

static void test_no_descriptor(void)
{
	g_autoptr(GError) error = NULL;
	void *rings =
		mmap(NULL, 4 * 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	g_assert_null(hvis_uio_new(-1, rings, 4 * 4096, "/dev/uio9", &error));
	g_assert_nonnull(strstr(error->message, "/dev/uio9"));
}

/* --- two ends at once --- */

#define RACE_REQUESTS 20000u
#define RACE_WAIT_MS 300000 /* nothing takes as long but a wake-up that was lost */

/* Requests of all lengths as fast as they go, with a negotiation now and then once all are answered. */
static gpointer race_host(gpointer data)
{
	FakeUio *fake = data;
	struct pollfd pfd = { .fd = fake->wire, .events = POLLIN };
	g_autofree guint8 *buf = g_malloc(HVIS_IC_MAX_MESSAGE);
	guint64 sent = 0, answered = 0, xid = 0;

	while (answered < RACE_REQUESTS) {
		guint8 body[1100] = { 0 };
		gboolean full = FALSE;

		while (sent < RACE_REQUESTS && !full) {
			memcpy(body, &sent, sizeof(sent));
			full = !fake_uio_send(fake, HVIS_IC_FCOPY, sent, body, 36 + sent % 1000);
			sent += !full;
		}
		hvis_ring_read_mask(&fake->in);
		while (fake_uio_take(fake, buf, HVIS_IC_MAX_MESSAGE, &xid) >= 0)
			g_assert_cmpuint(xid, ==, answered++);
		if (full && hvis_ring_write_wait(&fake->out, 1200))
			continue; /* there is room already */
		if (hvis_ring_read_unmask(&fake->in) || answered == RACE_REQUESTS)
			continue;
		g_assert_cmpint(poll(&pfd, 1, RACE_WAIT_MS), ==, 1);
		fake_uio_kicks(fake);
	}
	return NULL;
}

static void test_race(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	GThread *host;
	guint64 n;

	host = g_thread_new("host", race_host, &f->fake);
	for (guint64 i = 0; i < RACE_REQUESTS;) {
		struct pollfd pfd = { .fd = hvis_transport_fd(f->fake.guest), .events = POLLIN };
		gssize len;

		g_assert_cmpint(poll(&pfd, 1, RACE_WAIT_MS), ==, 1);
		len = receive(f, sizeof(f->got));
		if (len == 0)
			continue;
		g_assert_cmpint(len, ==, 36 + i % 1000);
		memcpy(&n, f->got, sizeof(n));
		g_assert_cmpuint(n, ==, i++);
		reply(f, 0);
	}
	/* the last answers may wait for room still */
	for (gboolean owed = TRUE; owed;) {
		struct pollfd pfd = { .fd = hvis_transport_fd(f->fake.guest), .events = POLLIN };

		owed = hvis_shared_load(f->fake.in.control, HVIS_RING_PENDING) != 0;
		if (owed) {
			g_assert_cmpint(poll(&pfd, 1, RACE_WAIT_MS), ==, 1);
			g_assert_cmpint(receive(f, sizeof(f->got)), ==, 0);
		}
	}
	g_thread_join(host);
	g_test_message("%" G_GUINT64_FORMAT " interrupts to the host, %" G_GUINT64_FORMAT
		       " waits for room",
		counters(f).kicks, counters(f).full);
}

/* One at a time, as hosts do it: each wake-up counts. */
static gpointer ping_host(gpointer data)
{
	FakeUio *fake = data;
	struct pollfd pfd = { .fd = fake->wire, .events = POLLIN };
	g_autofree guint8 *buf = g_malloc(HVIS_IC_MAX_MESSAGE);
	guint8 body[36] = { 0 };

	for (guint64 i = 0; i < RACE_REQUESTS; i++) {
		guint64 xid = 0;

		memcpy(body, &i, sizeof(i));
		g_assert_true(fake_uio_send(fake, HVIS_IC_FCOPY, i, body, sizeof(body)));
		while (fake_uio_take(fake, buf, HVIS_IC_MAX_MESSAGE, &xid) < 0) {
			g_assert_cmpint(poll(&pfd, 1, RACE_WAIT_MS), ==, 1);
			fake_uio_kicks(fake);
		}
		g_assert_cmpuint(xid, ==, i);
	}
	return NULL;
}

static void test_ping(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	GThread *host = g_thread_new("host", ping_host, &f->fake);

	for (guint64 i = 0; i < RACE_REQUESTS;) {
		struct pollfd pfd = { .fd = hvis_transport_fd(f->fake.guest), .events = POLLIN };

		g_assert_cmpint(poll(&pfd, 1, RACE_WAIT_MS), ==, 1);
		if (receive(f, sizeof(f->got)) == 0)
			continue;
		g_assert_cmpmem(f->got, 8, &i, 8);
		reply(f, 0);
		i++;
	}
	g_thread_join(host);
}

/* --- sysfs --- */

#define CLASS_TEXT "{34d14be3-dee4-41c8-9ae7-6b174977c192}\n"

static void put(const char *root, const char *path, const char *text)
{
	g_autofree char *full = g_build_filename(root, "dev/char/250:3", path, NULL);
	g_autofree char *dir = g_path_get_dirname(full);

	g_assert_cmpint(g_mkdir_with_parents(dir, 0755), ==, 0);
	g_assert_true(g_file_set_contents(full, text, -1, NULL));
}

static void test_is(void)
{
	g_autofree char *root = g_dir_make_tmp("hvis-uio-XXXXXX", NULL);
	g_autofree char *link = g_build_filename(root, "dev/char/250:3/subsystem", NULL);

	g_assert_false(hvis_uio_is(root, makedev(250, 3)));
	put(root, "name", "x");
	g_assert_false(hvis_uio_is(root, makedev(250, 3)));
	g_assert_cmpint(symlink("../../../../class/uio", link), ==, 0);
	g_assert_true(hvis_uio_is(root, makedev(250, 3)));
	g_assert_false(hvis_uio_is(root, makedev(250, 4)));
	g_assert_cmpint(unlink(link), ==, 0);
	g_assert_cmpint(symlink("../../../../class/misc", link), ==, 0);
	g_assert_false(hvis_uio_is(root, makedev(250, 3)));
	remove_tree(root);
}

static void expect_no_shape(const char *root, const char *words)
{
	g_autoptr(GError) error = NULL;
	HvisUioShape shape = { .size = 99 };

	g_assert_false(hvis_uio_shape(root, makedev(250, 3), &shape, &error));
	g_assert_true(hvis_error_is(error, HVIS_ERROR_UNSUPPORTED));
	if (!strstr(error->message, words))
		g_error("\"%s\" does not say \"%s\"", error->message, words);
	g_assert_cmpuint(shape.size, ==, 99);
}

static void test_shape(void)
{
	static const struct hvis_guid fcopy = HVIS_FCOPY_TYPE;
	static const char *const bad[] = { "", "0x", "0x0\n", "0x2000\n", "0x9000\n", "0x8001\n",
		"32768x\n", "-8000\n", "0xfffffffffffff000\n", "0x8000000\n" };
	static const char *const no_class[] = { "", "34d14be3-dee4-41c8-9ae7-6b174977c192\n",
		"{34d14be3-dee4-41c8-9ae7-6b174977c192", "{34d14be3+dee4-41c8-9ae7-6b174977c192}\n",
		"{34d14be3-dee4-41c8-9ae7-6b174977c19g}\n",
		"{34d14be3-dee4-41c8-9ae7-6b174977c192}}\n" };
	g_autofree char *root = g_dir_make_tmp("hvis-uio-XXXXXX", NULL);
	g_autoptr(GError) error = NULL;
	HvisUioShape shape;

	expect_no_shape(root, "no device of the VMBus");
	for (gsize i = 0; i < G_N_ELEMENTS(no_class); i++) {
		put(root, "device/class_id", no_class[i]);
		expect_no_shape(root, "no device of the VMBus");
	}
	put(root, "device/class_id", CLASS_TEXT);
	expect_no_shape(root, "no pair of rings");
	put(root, "maps/map0/name", "int_page\n");
	expect_no_shape(root, "no pair of rings");
	put(root, "maps/map0/name", "txrx_rings\n");
	expect_no_shape(root, "no pair of rings");
	for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
		put(root, "maps/map0/size", bad[i]);
		expect_no_shape(root, "no size of two rings");
	}
	put(root, "maps/map0/size", "0x0000000000008000\n");
	hvis_uio_shape(root, makedev(250, 3), &shape, &error);
	g_assert_no_error(error);
	g_assert_cmpuint(shape.size, ==, 0x8000);
	g_assert_true(hvis_guid_equal(&shape.type, &fcopy));
	remove_tree(root);
}

/* What the host writes says nothing of us; what a guest has written or read, by whatever program, does. */
static void test_fresh(void)
{
	static const struct {
		gsize where;
		gboolean fresh;
	} marks[] = { { HVIS_RING_READ, TRUE }, { HVIS_RING_MASK, TRUE },
		{ HVIS_RING_WRITE, FALSE }, { 8192 + HVIS_RING_WRITE, TRUE },
		{ 8192 + HVIS_RING_READ, FALSE } };

	for (gsize i = 0; i < G_N_ELEMENTS(marks); i++) {
		guint32 rings[4096] = { 0 };

		rings[marks[i].where / 4] = 24;
		g_assert_cmpint(hvis_uio_is_fresh(rings, sizeof(rings)), ==, marks[i].fresh);
	}
}

static void test_open_none(void)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *root = g_dir_make_tmp("hvis-uio-XXXXXX", NULL);

	g_assert_null(hvis_transport_open_path(root, &error)); /* a directory without a node */
	g_assert_true(hvis_error_is(error, HVIS_ERROR_NOT_FOUND));
	g_clear_error(&error);
	g_assert_null(hvis_uio_open("/dev/null", makedev(1, 3), &error));
	g_assert_true(hvis_error_is(error, HVIS_ERROR_UNSUPPORTED));
	g_assert_true(g_str_has_prefix(error->message, "/dev/null: "));
	g_assert_cmpint(g_rmdir(root), ==, 0);
}

#define ADD(path, func)                                                                            \
	g_test_add("/transport/uio/" path, Fixture, NULL, set_up_settled, func, tear_down)

static void add_mad(void)
{
	for (gsize i = 0; i < G_N_ELEMENTS(flips); i++) {
		g_autofree char *path = g_strdup_printf("/transport/uio/mad/%s", flips[i].name);

		g_test_add_data_func(path, &flips[i], test_mad);
	}
	ADD("mad/reader", test_mad_reader);
	ADD("mad/at-rest", test_mad_at_rest);
	ADD("mad/rewinds", test_mad_rewinds);
	ADD("mad/writes-later", test_mad_writes_later);
	ADD("mad/writes-ours", test_mad_writes_ours);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/transport/uio/ring/wrap", test_wrap);
	ADD("ring/interrupts", test_interrupts);
	ADD("ring/masked-by-kernel", test_masked_by_kernel);
	ADD("ring/host-waits", test_host_waits);
	add_mad();
	ADD("gone/hung-up", test_hung_up);
	ADD("gone/on-reply", test_hung_up_on_reply);
	g_test_add_func("/transport/uio/gone/rescinded", test_rescinded);
	g_test_add_func("/transport/uio/gone/no-descriptor", test_no_descriptor);
	ADD("race/stream", test_race);
	ADD("race/ping", test_ping);
	g_test_add_func("/transport/uio/sysfs/is", test_is);
	g_test_add_func("/transport/uio/sysfs/shape", test_shape);
	g_test_add_func("/transport/uio/open/fresh", test_fresh);
	g_test_add_func("/transport/uio/open/none", test_open_none);
	return g_test_run();
}

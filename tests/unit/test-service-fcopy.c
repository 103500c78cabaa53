/* SPDX-License-Identifier: GPL-2.0-only */
/* File copy, host end: what the guest is sent, in which order, and what becomes of each way it ends. */
#include <glib/gstdio.h>
#include <hvis/hresult.h>
#include <unistd.h>
#include <util/error.h>
#include <util/fd.h>
#include <wire/fcopy.h>
#include "host/service/fcopy.h"
#include "tests/unit/fake-bus.h"

#define FRAGMENT HVIS_FCOPY_FRAGMENT

typedef struct {
	HvisFakeClock *clock;
	FakeBus *bus;
	HostServices *all;
	HostService *fcopy;
	int fd;
	GByteArray *content, *got;
	guint64 told, told_of; /* progress */
	guint calls, progress_calls;
	FcopyReport report;
	char *message, *sha256;
	gboolean begin_another; /* from within done */
} Fixture;

static void ready(Fixture *f)
{
	fake_bus_open(f->bus, "fcopy");
	fake_bus_agree(f->bus, "fcopy", (IcVersion){ 3, 0 }, (IcVersion){ 1, 1 });
	g_assert_cmpint(service_state(f->fcopy), ==, SERVICE_READY);
}

static void setup(Fixture *f, gconstpointer is_ready)
{
	g_autofree char *name = NULL;

	f->clock = hvis_fake_clock_new();
	f->bus = fake_bus_new();
	f->all = services_new_bus(fake_bus_get(f->bus), hvis_fake_clock_get(f->clock));
	g_assert_true(services_add(f->all, "fcopy", NULL));
	f->fcopy = services_get(f->all, "fcopy", NULL);
	f->content = g_byte_array_new();
	f->got = g_byte_array_new();
	f->fd = g_file_open_tmp("hvis-fcopy-XXXXXX", &name, NULL);
	g_assert_cmpint(f->fd, >=, 0);
	g_assert_cmpint(g_unlink(name), ==, 0);
	if (is_ready)
		ready(f);
}

static void teardown(Fixture *f, gconstpointer is_ready)
{
	services_free(f->all);
	g_assert_cmpuint(hvis_fake_clock_pending(f->clock), ==, 0);
	fake_bus_free(f->bus);
	hvis_fake_clock_free(f->clock);
	g_byte_array_unref(f->content);
	g_byte_array_unref(f->got);
	hvis_fd_clear(&f->fd);
	g_free(f->message);
	g_free(f->sha256);
}

/* The file has @n bytes, no two fragments the same. */
static void fill(Fixture *f, gsize n)
{
	g_byte_array_set_size(f->content, (guint)n);
	for (gsize i = 0; i < n; i++)
		f->content->data[i] = (guint8)(i * 7 + i / 251 + i / FRAGMENT);
	g_assert_cmpint(ftruncate(f->fd, 0), ==, 0);
	g_assert_cmpint(pwrite(f->fd, f->content->data, n, 0), ==, (gssize)n);
}

static void on_progress(guint64 sent, guint64 size, gpointer data)
{
	Fixture *f = data;

	f->progress_calls++;
	f->told = sent;
	f->told_of = size;
}

static void on_report(const FcopyReport *report, gpointer data);

static gboolean try_start(Fixture *f, FcopyJob job, GError **error)
{
	job.fd = f->fd;
	return fcopy_copy(f->fcopy, &job, on_progress, on_report, f, error);
}

#define JOB_OF(its_name, its_path, its_flags, after)                                               \
	((FcopyJob){                                                                               \
		.name = its_name, .path = its_path, .flags = its_flags, .cancel_after = after })
#define JOB() JOB_OF("Bericht.txt", "/srv/in", 0, G_MAXUINT64)

static void on_report(const FcopyReport *report, gpointer data)
{
	Fixture *f = data;

	f->calls++;
	f->report = *report;
	g_free(f->message);
	f->message = g_strdup(report->message);
	g_free(f->sha256);
	f->sha256 = g_strdup(report->sha256);
	if (!f->begin_another)
		return;
	f->begin_another = FALSE;
	g_assert_true(try_start(f, JOB(), NULL));
}

static void start(Fixture *f, FcopyJob job)
{
	g_autoptr(GError) error = NULL;

	try_start(f, job, &error);
	g_assert_no_error(error);
}

/* The guest is sent @op next; take it apart and leave it without an answer. */
static FakeSent *take(Fixture *f, enum hvis_fcopy_op op, FcopyRequest *ret)
{
	static const gsize sizes[HVIS_FCOPY_OP_N] = { 1088, 6196, 36, 36 };
	FakeSent *sent = fake_bus_take(f->bus, "fcopy");

	g_assert_nonnull(sent);
	g_assert_cmpuint(sent->m.type, ==, HVIS_IC_FCOPY);
	g_assert_cmpuint(sent->m.body.left, ==, sizes[op]);
	g_assert_true(fcopy_request_decode(
		sent->m.body.pos, sent->m.body.left, FCOPY_TEXT_UTF16, ret, NULL));
	g_assert_cmpstr(fcopy_op_name(ret->op), ==, fcopy_op_name(op));
	if (op == HVIS_FCOPY_OP_WRITE) {
		g_assert_cmpuint(ret->offset, ==, f->got->len);
		g_byte_array_append(f->got, ret->data, ret->len);
	}
	return sent;
}

/* The same, answered after 10 ms as guests do: in the request's place. */
static void answer_with(Fixture *f, enum hvis_fcopy_op op, guint32 status)
{
	g_auto(FcopyRequest) request = { 0 };
	g_autoptr(FakeSent) sent = take(f, op, &request);

	hvis_fake_clock_advance(f->clock, 10);
	fake_bus_answer(f->bus, "fcopy", sent, status, sent->m.body.pos, sent->m.body.left);
}

static void answer(Fixture *f, enum hvis_fcopy_op op)
{
	answer_with(f, op, HVIS_S_OK);
}

static void expect_nothing(Fixture *f)
{
	g_assert_null(fake_bus_take(f->bus, "fcopy"));
}

static void expect_end(Fixture *f, FcopyResult result, const char *message)
{
	g_assert_cmpuint(f->calls, ==, 1);
	g_assert_cmpstr(fcopy_result_name(f->report.result), ==, fcopy_result_name(result));
	g_assert_true((f->sha256 != NULL) == (result == FCOPY_DONE));
	expect_nothing(f);
	if (!message)
		g_assert_cmpstr(f->message, ==, NULL);
	else if (!f->message || !strstr(f->message, message))
		g_error("\"%s\" does not contain \"%s\"", f->message, message);
}

static void expect_cancel(Fixture *f, gboolean sent, gboolean done)
{
	g_assert_cmpint(f->report.cancel_sent, ==, sent);
	g_assert_cmpint(f->report.cancel_done, ==, done);
}

/* --- a copy --- */

static void copy_whole(Fixture *f, gsize n)
{
	g_autofree char *sum = NULL;

	f->calls = 0;
	g_byte_array_set_size(f->got, 0);
	fill(f, n);
	start(f, JOB());
	answer(f, HVIS_FCOPY_OP_START);
	for (gsize at = 0; at < n; at += FRAGMENT) {
		answer(f, HVIS_FCOPY_OP_WRITE);
		g_assert_cmpuint(f->told, ==, MIN(at + FRAGMENT, n));
	}
	g_assert_cmpuint(f->told_of, ==, n);
	answer(f, HVIS_FCOPY_OP_COMPLETE);
	expect_end(f, FCOPY_DONE, NULL);
	expect_cancel(f, FALSE, FALSE);
	g_assert_cmpmem(f->got->data, f->got->len, f->content->data, f->content->len);
	sum = g_compute_checksum_for_data(G_CHECKSUM_SHA256, f->content->data, n);
	g_assert_cmpstr(f->sha256, ==, sum);
	g_assert_cmpuint(f->report.size, ==, n);
	g_assert_cmpuint(f->report.sent, ==, n);
	g_assert_cmpuint(f->report.fragments, ==, (n + FRAGMENT - 1) / FRAGMENT);
	g_assert_cmpint(f->report.us, ==, 10000 * (2 + (gint64)f->report.fragments));
}

/* Around a fragment, and around what is read at once. */
static void test_sizes(Fixture *f, gconstpointer is_ready)
{
	static const gsize sizes[] = { 0, 1, FRAGMENT - 1, FRAGMENT, FRAGMENT + 1,
		31 * FRAGMENT + 5, 32 * FRAGMENT, 32 * FRAGMENT + 1, 100 * FRAGMENT + 17 };

	for (gsize i = 0; i < G_N_ELEMENTS(sizes); i++)
		copy_whole(f, sizes[i]);
}

/* Of a bus that answers before it has returned; the digest is made in order all the same. */
static void test_prompt(Fixture *f, gconstpointer is_ready)
{
	g_autofree char *sum = NULL;

	fill(f, 40 * FRAGMENT + 1);
	fake_bus_set_prompt(f->bus, "fcopy");
	start(f, JOB());
	g_assert_cmpuint(f->calls, ==, 1);
	g_assert_cmpint(f->report.result, ==, FCOPY_DONE);
	sum = g_compute_checksum_for_data(G_CHECKSUM_SHA256, f->content->data, f->content->len);
	g_assert_cmpstr(f->sha256, ==, sum);
}

static void test_start(Fixture *f, gconstpointer is_ready)
{
	static const struct {
		const char *path, *sent;
		guint32 flags;
	} cases[] = {
		{ "/srv/in", "/srv/in/", 0 },
		{ "/srv/in/", "/srv/in/", HVIS_FCOPY_OVERWRITE },
		{ "/", "/", HVIS_FCOPY_CREATE_PATH },
		{ "/höhe/\360\237\220\247", "/höhe/\360\237\220\247/",
			HVIS_FCOPY_OVERWRITE | HVIS_FCOPY_CREATE_PATH },
	};

	fill(f, 12345);
	for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_auto(FcopyRequest) request = { 0 };
		g_autoptr(FakeSent) sent = NULL;

		f->calls = 0;
		start(f, JOB_OF("Bericht.txt", cases[i].path, cases[i].flags, G_MAXUINT64));
		sent = take(f, HVIS_FCOPY_OP_START, &request);
		g_assert_cmpstr(request.name, ==, "Bericht.txt");
		g_assert_cmpstr(request.path, ==, cases[i].sent);
		g_assert_cmphex(request.flags, ==, cases[i].flags);
		g_assert_cmpuint(request.size, ==, 12345);
		fake_bus_answer(f->bus, "fcopy", sent, HVIS_E_FAIL, NULL, 0);
		g_assert_cmpuint(f->calls, ==, 1);
	}
}

static void test_busy(Fixture *f, gconstpointer is_ready)
{
	g_autoptr(GError) error = NULL;

	fill(f, 10);
	start(f, JOB());
	g_assert_false(try_start(f, JOB(), &error));
	g_assert_error(error, HVIS_ERROR, HVIS_ERROR_BUSY);
	g_assert_nonnull(strstr(error->message, "starting"));
	f->begin_another = TRUE; /* but as soon as this one is over */
	answer_with(f, HVIS_FCOPY_OP_START, HVIS_E_FAIL);
	g_assert_cmpuint(f->calls, ==, 1);
	answer_with(f, HVIS_FCOPY_OP_START, HVIS_E_FAIL);
	g_assert_cmpuint(f->calls, ==, 2);
}

/* The descriptor is the host's own from the beginning on. */
static void test_descriptor(Fixture *f, gconstpointer is_ready)
{
	fill(f, 100);
	start(f, JOB());
	hvis_fd_clear(&f->fd);
	answer(f, HVIS_FCOPY_OP_START);
	answer(f, HVIS_FCOPY_OP_WRITE);
	answer(f, HVIS_FCOPY_OP_COMPLETE);
	expect_end(f, FCOPY_DONE, NULL);
}

/* --- cancelled --- */

static void test_cancel_after(Fixture *f, gconstpointer is_ready)
{
	static const struct {
		guint64 after;
		guint writes;
	} cases[] = { { 0, 0 }, { 1, 1 }, { FRAGMENT, 1 }, { FRAGMENT + 1, 2 },
		{ 3 * FRAGMENT, 3 } };

	fill(f, 3 * FRAGMENT);
	for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
		f->calls = 0;
		g_byte_array_set_size(f->got, 0);
		start(f, JOB_OF("name", "/", 0, cases[i].after));
		answer(f, HVIS_FCOPY_OP_START);
		for (guint n = 0; n < cases[i].writes; n++)
			answer(f, HVIS_FCOPY_OP_WRITE);
		answer(f, HVIS_FCOPY_OP_CANCEL);
		expect_end(f, FCOPY_CANCELLED, NULL);
		expect_cancel(f, TRUE, TRUE);
		g_assert_cmpuint(f->report.sent, ==, cases[i].writes * FRAGMENT);
		g_assert_cmpint(f->report.op, ==, HVIS_FCOPY_OP_N);
	}
}

static void test_cancel(Fixture *f, gconstpointer is_ready)
{
	fcopy_cancel(f->fcopy); /* nothing is copied: no harm */
	fill(f, 2 * FRAGMENT);
	start(f, JOB());
	answer(f, HVIS_FCOPY_OP_START);
	fcopy_cancel(f->fcopy);
	answer(f, HVIS_FCOPY_OP_WRITE); /* was on its way */
	answer_with(f, HVIS_FCOPY_OP_CANCEL, HVIS_E_FAIL);
	expect_end(f, FCOPY_CANCELLED, NULL);
	expect_cancel(f, TRUE, FALSE);
}

/* Too late: the file is there. */
static void test_cancel_completing(Fixture *f, gconstpointer is_ready)
{
	fill(f, 0);
	start(f, JOB());
	answer(f, HVIS_FCOPY_OP_START);
	fcopy_cancel(f->fcopy);
	answer(f, HVIS_FCOPY_OP_COMPLETE);
	expect_end(f, FCOPY_DONE, NULL);
}

/* --- the guest does not want it --- */

/* Who has begun nothing is not told CANCEL: a file of that name that is there is not of this copy. */
static void test_refused(Fixture *f, gconstpointer is_ready)
{
	static const struct {
		guint32 status;
		const char *text;
	} cases[] = {
		{ HVIS_E_ALREADY_EXISTS, "START: the guest answers already-exists (0x80070050)" },
		{ HVIS_E_FAIL, "START: the guest answers fail" },
		{ HVIS_E_DISK_FULL, "START: the guest answers disk-full" },
		{ HVIS_E_NO_MORE_ITEMS, "START: the guest answers no-more-items" },
		{ 17, "an unknown status (0x00000011)" },
	};

	fill(f, 10);
	for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
		f->calls = 0;
		start(f, JOB());
		answer_with(f, HVIS_FCOPY_OP_START, cases[i].status);
		expect_end(f, FCOPY_REFUSED, cases[i].text);
		expect_cancel(f, FALSE, FALSE);
		g_assert_cmpint(f->report.op, ==, HVIS_FCOPY_OP_START);
		g_assert_cmphex(f->report.status, ==, cases[i].status);
	}
}

static void test_write_fails(Fixture *f, gconstpointer is_ready)
{
	fill(f, 3 * FRAGMENT);
	start(f, JOB());
	answer(f, HVIS_FCOPY_OP_START);
	answer(f, HVIS_FCOPY_OP_WRITE);
	answer_with(f, HVIS_FCOPY_OP_WRITE, HVIS_E_DISK_FULL);
	answer_with(f, HVIS_FCOPY_OP_CANCEL, HVIS_E_FAIL);
	expect_end(f, FCOPY_FAILED, "WRITE: the guest answers disk-full"); /* the first counts */
	expect_cancel(f, TRUE, FALSE);
	g_assert_cmpint(f->report.op, ==, HVIS_FCOPY_OP_WRITE);
	g_assert_cmphex(f->report.status, ==, HVIS_E_DISK_FULL);
	g_assert_cmpuint(f->report.sent, ==, FRAGMENT);
}

static void test_complete_fails(Fixture *f, gconstpointer is_ready)
{
	fill(f, 0);
	start(f, JOB());
	answer(f, HVIS_FCOPY_OP_START);
	answer_with(f, HVIS_FCOPY_OP_COMPLETE, HVIS_E_FAIL);
	answer(f, HVIS_FCOPY_OP_CANCEL);
	expect_end(f, FCOPY_FAILED, "COMPLETE: the guest answers fail");
	expect_cancel(f, TRUE, TRUE);
}

/* --- the file --- */

static void test_shorter(Fixture *f, gconstpointer is_ready)
{
	fill(f, 40 * FRAGMENT);
	start(f, JOB());
	g_assert_cmpint(ftruncate(f->fd, FRAGMENT + 100), ==, 0);
	answer(f, HVIS_FCOPY_OP_START);
	answer(f, HVIS_FCOPY_OP_WRITE);
	answer(f, HVIS_FCOPY_OP_WRITE);
	g_assert_cmpuint(f->got->len, ==, FRAGMENT + 100);
	answer(f, HVIS_FCOPY_OP_CANCEL);
	expect_end(f, FCOPY_SOURCE, "has become shorter: it had 245760 bytes, and ends at 6244");
	expect_cancel(f, TRUE, TRUE);
}

/* What is added meanwhile is not of the file that the guest was told of. */
static void test_longer(Fixture *f, gconstpointer is_ready)
{
	fill(f, 100);
	start(f, JOB());
	g_assert_cmpint(pwrite(f->fd, "more", 4, 100), ==, 4);
	answer(f, HVIS_FCOPY_OP_START);
	answer(f, HVIS_FCOPY_OP_WRITE);
	answer(f, HVIS_FCOPY_OP_COMPLETE);
	expect_end(f, FCOPY_DONE, NULL);
	g_assert_cmpuint(f->got->len, ==, 100);
}

static void test_unreadable(Fixture *f, gconstpointer is_ready)
{
	g_autofree char *path = g_strdup_printf("/proc/self/fd/%d", f->fd);
	int fd;

	fill(f, 100);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	g_assert_cmpint(fd, >=, 0);
	hvis_fd_clear(&f->fd);
	f->fd = fd;
	start(f, JOB());
	answer(f, HVIS_FCOPY_OP_START);
	answer(f, HVIS_FCOPY_OP_CANCEL);
	expect_end(f, FCOPY_SOURCE, "read the file at 0");
}

static void test_no_file(Fixture *f, gconstpointer is_ready)
{
	static const struct {
		const char *path, *text;
	} cases[] = { { "/", "a directory" }, { "/dev/null", "not a regular file" } };

	for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(GError) error = NULL;

		hvis_fd_clear(&f->fd);
		f->fd = open(cases[i].path, O_RDONLY | O_CLOEXEC);
		g_assert_false(try_start(f, JOB(), &error));
		g_assert_error(error, HVIS_ERROR, HVIS_ERROR_INVALID);
		g_assert_nonnull(strstr(error->message, cases[i].text));
	}
	g_assert_cmpuint(f->calls, ==, 0);
	expect_nothing(f);
}

/* 259 units and a NUL are the most. */
static void test_names(Fixture *f, gconstpointer is_ready)
{
	g_autofree char *longest = g_strnfill(259, 'n'), *longer = g_strnfill(260, 'n');

	fill(f, 1);
	start(f, JOB_OF(longest, "/", 0, G_MAXUINT64));
	answer_with(f, HVIS_FCOPY_OP_START, HVIS_E_FAIL);
	expect_end(f, FCOPY_REFUSED, "");
	f->calls = 0;
	start(f, JOB_OF(longer, "/", 0, G_MAXUINT64));
	expect_end(f, FCOPY_IMPOSSIBLE, "the file's name");
	f->calls = 0;
	start(f, JOB_OF("name", longest, 0, G_MAXUINT64)); /* and a "/" behind it */
	expect_end(f, FCOPY_IMPOSSIBLE, "the path");
	expect_cancel(f, FALSE, FALSE);
}

/* --- no answer, or nobody --- */

static void until(Fixture *f, enum hvis_fcopy_op op)
{
	fill(f, FRAGMENT);
	f->calls = 0;
	g_byte_array_set_size(f->got, 0);
	start(f, JOB());
	for (int i = 0; i < (int)op; i++)
		answer(f, (enum hvis_fcopy_op)i);
}

static void test_timeout(Fixture *f, gconstpointer is_ready)
{
	for (int op = HVIS_FCOPY_OP_START; op <= HVIS_FCOPY_OP_COMPLETE; op++) {
		g_auto(FcopyRequest) request = { 0 };
		g_autoptr(FakeSent) sent = NULL;

		until(f, (enum hvis_fcopy_op)op);
		sent = take(f, (enum hvis_fcopy_op)op, &request);
		hvis_fake_clock_advance(f->clock, IC_TIMEOUT_MS - 1);
		g_assert_cmpuint(f->calls, ==, 0);
		expect_nothing(f);
		hvis_fake_clock_advance(f->clock, 1);
		fake_bus_answer(f->bus, "fcopy", sent, HVIS_S_OK, NULL, 0); /* late */
		answer(f, HVIS_FCOPY_OP_CANCEL); /* it may have begun */
		expect_end(f, FCOPY_TIMEOUT, "no answer from the guest within 40 s");
		g_assert_cmpint(f->report.op, ==, op);
		expect_cancel(f, TRUE, TRUE);
	}
	g_assert_cmpuint(service_counters(f->fcopy)->late, ==, 3);
}

/* A guest that answers nothing any more does not hold the service for ever. */
static void test_timeout_twice(Fixture *f, gconstpointer is_ready)
{
	g_auto(FcopyRequest) first = { 0 }, second = { 0 };
	g_autoptr(FakeSent) sent = NULL, cancel = NULL;

	until(f, HVIS_FCOPY_OP_START);
	sent = take(f, HVIS_FCOPY_OP_START, &first);
	hvis_fake_clock_advance(f->clock, IC_TIMEOUT_MS);
	cancel = take(f, HVIS_FCOPY_OP_CANCEL, &second);
	hvis_fake_clock_advance(f->clock, IC_TIMEOUT_MS);
	expect_end(f, FCOPY_TIMEOUT, "no answer");
	expect_cancel(f, TRUE, FALSE);
}

static void test_not_open(Fixture *f, gconstpointer is_ready)
{
	fill(f, 1);
	start(f, JOB());
	expect_end(f, FCOPY_GONE, "fcopy is not open in the guest: no program there serves it");
}

static void test_closed(Fixture *f, gconstpointer is_ready)
{
	for (int op = HVIS_FCOPY_OP_START; op <= HVIS_FCOPY_OP_CANCEL; op++) {
		g_auto(FcopyRequest) request = { 0 };
		g_autoptr(FakeSent) sent = NULL;
		gboolean cancelling = op == HVIS_FCOPY_OP_CANCEL;

		until(f, cancelling ? HVIS_FCOPY_OP_COMPLETE : (enum hvis_fcopy_op)op);
		if (cancelling)
			answer_with(f, HVIS_FCOPY_OP_COMPLETE, HVIS_E_FAIL);
		sent = take(f, (enum hvis_fcopy_op)op, &request);
		fake_bus_close(f->bus, "fcopy");
		expect_end(f, cancelling ? FCOPY_FAILED : FCOPY_GONE,
			cancelling ? "COMPLETE" : "the service was closed meanwhile");
		ready(f);
	}
}

static void test_freed(void)
{
	Fixture f = { 0 };

	setup(&f, GINT_TO_POINTER(TRUE));
	until(&f, HVIS_FCOPY_OP_WRITE);
	teardown(&f, NULL);
	g_assert_cmpuint(f.calls, ==, 1);
	g_assert_cmpint(f.report.result, ==, FCOPY_GONE);
}

/* --- a guest whose answers have no number --- */

#define NO_NUMBER G_MAXUINT64

/* As fake_bus_answer(), with the request sent back and an id that was never handed out. */
static void answer_unnumbered(Fixture *f, const FakeSent *sent, guint32 status)
{
	FakeSent stranger = *sent;

	stranger.xid = NO_NUMBER;
	fake_bus_answer(f->bus, "fcopy", &stranger, status, sent->m.body.pos, sent->m.body.left);
}

static void ready_unnumbered(Fixture *f)
{
	IcVersions v = { 1, 1, { { 3, 0 } }, { { 1, 1 } } };
	g_autoptr(FakeSent) sent = NULL;
	guint8 body[64];
	gsize len;

	fake_bus_open(f->bus, "fcopy");
	sent = fake_bus_take(f->bus, "fcopy");
	sent->xid = NO_NUMBER;
	g_assert_true(icmsg_negotiate_encode(&v, body, sizeof(body), &len, NULL));
	fake_bus_answer(f->bus, "fcopy", sent, HVIS_S_OK, body, len);
	g_assert_cmpint(service_state(f->fcopy), ==, SERVICE_READY);
}

static FakeSent *take_any(Fixture *f, enum hvis_fcopy_op op)
{
	g_auto(FcopyRequest) request = { 0 };

	return take(f, op, &request);
}

static void respond(Fixture *f, enum hvis_fcopy_op op)
{
	g_autoptr(FakeSent) sent = take_any(f, op);

	answer_unnumbered(f, sent, HVIS_S_OK);
}

static void test_unnumbered(Fixture *f, gconstpointer is_ready)
{
	ready_unnumbered(f);
	fill(f, 2 * FRAGMENT);
	start(f, JOB());
	respond(f, HVIS_FCOPY_OP_START);
	respond(f, HVIS_FCOPY_OP_WRITE);
	respond(f, HVIS_FCOPY_OP_WRITE);
	respond(f, HVIS_FCOPY_OP_COMPLETE);
	expect_end(f, FCOPY_DONE, NULL);
	g_assert_cmpuint(service_counters(f->fcopy)->unexpected, ==, 0);
}

/* Late ones come before those that are due, and are not taken for them. */
static void test_unnumbered_late(Fixture *f, gconstpointer is_ready)
{
	g_autoptr(FakeSent) write = NULL, cancel = NULL;

	ready_unnumbered(f);
	fill(f, 2 * FRAGMENT);
	start(f, JOB());
	respond(f, HVIS_FCOPY_OP_START);
	write = take_any(f, HVIS_FCOPY_OP_WRITE);
	hvis_fake_clock_advance(f->clock, IC_TIMEOUT_MS);
	cancel = take_any(f, HVIS_FCOPY_OP_CANCEL);
	answer_unnumbered(f, write, HVIS_S_OK);
	g_assert_cmpuint(f->calls, ==, 0);
	g_assert_cmpuint(service_counters(f->fcopy)->late, ==, 1);
	answer_unnumbered(f, cancel, HVIS_S_OK);
	expect_end(f, FCOPY_TIMEOUT, "no answer");
	expect_cancel(f, TRUE, TRUE);
	answer_unnumbered(f, cancel, HVIS_S_OK); /* to nothing */
	g_assert_cmpuint(service_counters(f->fcopy)->unexpected, ==, 1);
}

/* One that never comes does not put all that follow off by one. */
static void test_unnumbered_lost(Fixture *f, gconstpointer is_ready)
{
	ready_unnumbered(f);
	fill(f, 2 * FRAGMENT);
	start(f, JOB());
	fake_sent_free(take_any(f, HVIS_FCOPY_OP_START));
	hvis_fake_clock_advance(f->clock, IC_TIMEOUT_MS);
	respond(f, HVIS_FCOPY_OP_CANCEL);
	expect_end(f, FCOPY_TIMEOUT, "no answer");
	expect_cancel(f, TRUE, TRUE);
	g_assert_cmpuint(service_counters(f->fcopy)->late, ==, 0);
	f->calls = 0;
	start(f, JOB());
	respond(f, HVIS_FCOPY_OP_START);
	respond(f, HVIS_FCOPY_OP_WRITE);
	respond(f, HVIS_FCOPY_OP_WRITE);
	respond(f, HVIS_FCOPY_OP_COMPLETE);
	expect_end(f, FCOPY_DONE, NULL);
}

/* Said twice in the same words, an answer is the late one's: the guest does one thing after the other. */
static void test_unnumbered_repeated(Fixture *f, gconstpointer is_ready)
{
	g_autoptr(FakeSent) one = NULL, cancel = NULL, two = NULL;

	ready_unnumbered(f);
	fill(f, 0);
	start(f, JOB());
	one = take_any(f, HVIS_FCOPY_OP_START);
	hvis_fake_clock_advance(f->clock, IC_TIMEOUT_MS);
	cancel = take_any(f, HVIS_FCOPY_OP_CANCEL);
	hvis_fake_clock_advance(f->clock, IC_TIMEOUT_MS);
	expect_end(f, FCOPY_TIMEOUT, "no answer");
	f->calls = 0;
	start(f, JOB());
	two = take_any(f, HVIS_FCOPY_OP_START);
	answer_unnumbered(f, one, HVIS_S_OK);
	answer_unnumbered(f, cancel, HVIS_S_OK);
	g_assert_cmpuint(service_counters(f->fcopy)->late, ==, 2);
	expect_nothing(f); /* neither has led on */
	answer_unnumbered(f, two, HVIS_S_OK);
	respond(f, HVIS_FCOPY_OP_COMPLETE);
	expect_end(f, FCOPY_DONE, NULL);
}

/* What was never sent owes no answer. */
static void test_unnumbered_unsent(Fixture *f, gconstpointer is_ready)
{
	ready_unnumbered(f);
	fill(f, 0);
	fake_bus_set_room(f->bus, "fcopy", FALSE);
	start(f, JOB());
	hvis_fake_clock_advance(f->clock, 2 * IC_TIMEOUT_MS);
	expect_end(f, FCOPY_TIMEOUT, "no answer");
	fake_bus_set_room(f->bus, "fcopy", TRUE);
	f->calls = 0;
	start(f, JOB());
	respond(f, HVIS_FCOPY_OP_START);
	respond(f, HVIS_FCOPY_OP_COMPLETE);
	expect_end(f, FCOPY_DONE, NULL);
}

/* A guest that numbers its answers is held to it, on the next channel too. */
static void test_numbered(Fixture *f, gconstpointer is_ready)
{
	g_autoptr(FakeSent) sent = NULL;

	ready_unnumbered(f);
	fake_bus_close(f->bus, "fcopy");
	ready(f);
	fill(f, 0);
	start(f, JOB());
	sent = take_any(f, HVIS_FCOPY_OP_START);
	answer_unnumbered(f, sent, HVIS_S_OK);
	expect_nothing(f);
	g_assert_cmpuint(service_counters(f->fcopy)->unexpected, ==, 1);
}

/* --- the rest --- */

static const char *phase(Fixture *f, struct json_object **ret)
{
	*ret = service_describe(f->fcopy);
	return json_object_get_string(json_object_object_get(*ret, "copy"));
}

static void expect_phase(Fixture *f, const char *want)
{
	struct json_object *json;

	g_assert_cmpstr(phase(f, &json), ==, want);
	json_object_put(json);
}

static void test_phase(Fixture *f, gconstpointer is_ready)
{
	expect_phase(f, "idle");
	fill(f, 2 * FRAGMENT);
	start(f, JOB());
	expect_phase(f, "starting");
	answer(f, HVIS_FCOPY_OP_START);
	expect_phase(f, "writing");
	answer(f, HVIS_FCOPY_OP_WRITE);
	answer(f, HVIS_FCOPY_OP_WRITE);
	expect_phase(f, "completing");
	answer_with(f, HVIS_FCOPY_OP_COMPLETE, HVIS_E_FAIL);
	expect_phase(f, "cancelling");
	answer(f, HVIS_FCOPY_OP_CANCEL);
	expect_phase(f, "idle");
}

static void test_offer(Fixture *f, gconstpointer is_ready)
{
	g_autoptr(FakeSent) sent = NULL;
	IcVersions offer;

	fake_bus_open(f->bus, "fcopy");
	sent = fake_bus_take(f->bus, "fcopy");
	g_assert_true(icmsg_negotiate_decode(sent->m.body, &offer, NULL));
	g_assert_cmpuint(offer.n_framework, ==, 2);
	g_assert_cmpint(icmsg_version_cmp(offer.framework[1], (IcVersion){ 3, 0 }), ==, 0);
	g_assert_cmpuint(offer.n_message, ==, 1);
	g_assert_cmpint(icmsg_version_cmp(offer.message[0], (IcVersion){ 1, 1 }), ==, 0);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
#define T(path, ready, func)                                                                       \
	g_test_add("/fcopy/" path, Fixture, GINT_TO_POINTER(ready), setup, func, teardown)
	T("sizes", TRUE, test_sizes);
	T("prompt", TRUE, test_prompt);
	T("start", TRUE, test_start);
	T("busy", TRUE, test_busy);
	T("descriptor", TRUE, test_descriptor);
	T("cancel/after", TRUE, test_cancel_after);
	T("cancel/writing", TRUE, test_cancel);
	T("cancel/completing", TRUE, test_cancel_completing);
	T("refused/start", TRUE, test_refused);
	T("refused/write", TRUE, test_write_fails);
	T("refused/complete", TRUE, test_complete_fails);
	T("source/shorter", TRUE, test_shorter);
	T("source/longer", TRUE, test_longer);
	T("source/unreadable", TRUE, test_unreadable);
	T("source/no-file", TRUE, test_no_file);
	T("names", TRUE, test_names);
	T("timeout", TRUE, test_timeout);
	T("timeout/twice", TRUE, test_timeout_twice);
	T("gone/not-open", FALSE, test_not_open);
	T("gone/closed", TRUE, test_closed);
	T("unnumbered/copy", FALSE, test_unnumbered);
	T("unnumbered/late", FALSE, test_unnumbered_late);
	T("unnumbered/lost", FALSE, test_unnumbered_lost);
	T("unnumbered/repeated", FALSE, test_unnumbered_repeated);
	T("unnumbered/unsent", FALSE, test_unnumbered_unsent);
	T("unnumbered/not-allowed-later", FALSE, test_numbered);
	T("phase", TRUE, test_phase);
	T("offer", FALSE, test_offer);
#undef T
	g_test_add_func("/fcopy/gone/freed", test_freed);
	return g_test_run();
}

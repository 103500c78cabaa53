/* SPDX-License-Identifier: GPL-2.0-only */
/* Backup, host end: what the guest is sent, in which order, and what becomes of each way it ends. */
#include <hvis/hresult.h>
#include <util/error.h>
#include <wire/vss.h>
#include "host/service/vss.h"
#include "tests/unit/fake-bus.h"

typedef struct {
	HvisFakeClock *clock;
	FakeBus *bus;
	HostServices *all;
	HostService *vss;
	guint calls;
	VssReport report;
	char *message;
} Fixture;

static void ready(Fixture *f, guint16 major)
{
	fake_bus_open(f->bus, "vss");
	fake_bus_agree(f->bus, "vss", (IcVersion){ 3, 0 }, (IcVersion){ major, 0 });
	g_assert_cmpint(service_state(f->vss), ==, SERVICE_READY);
}

static void setup(Fixture *f, gconstpointer spec)
{
	f->clock = hvis_fake_clock_new();
	f->bus = fake_bus_new();
	f->all = services_new_bus(fake_bus_get(f->bus), hvis_fake_clock_get(f->clock));
	g_assert_true(services_add(f->all, "vss", NULL));
	f->vss = services_get(f->all, "vss", NULL);
	if (spec)
		ready(f, (guint16)GPOINTER_TO_UINT(spec));
}

static void teardown(Fixture *f, gconstpointer spec)
{
	services_free(f->all);
	g_assert_cmpuint(hvis_fake_clock_pending(f->clock), ==, 0);
	fake_bus_free(f->bus);
	hvis_fake_clock_free(f->clock);
	g_free(f->message);
}

static void on_report(const VssReport *report, gpointer data)
{
	Fixture *f = data;

	f->calls++;
	f->report = *report;
	g_free(f->message);
	f->message = g_strdup(report->message);
}

static void start(Fixture *f, VssBackup backup)
{
	g_autoptr(GError) error = NULL;

	vss_backup(f->vss, &backup, on_report, f, &error);
	g_assert_no_error(error);
}

#define BACKUP(...) BACKUP_SILENT(VSS_STEP_N, __VA_ARGS__)
#define BACKUP_SILENT(step, ...) ((VssBackup){ .hold_ms = 5000, .silent_after = step, __VA_ARGS__ })

/* The guest is sent @op next, of @len bytes; answer it after 10 ms. */
static VssMessage answer_with(Fixture *f, guint8 op, gsize len, guint32 status, guint32 flags)
{
	g_autoptr(FakeSent) sent = fake_bus_take(f->bus, "vss");
	struct hvis_vss_wire_luns body;
	VssMessage m, answer = { .op = op, .flags = flags };

	g_assert_nonnull(sent);
	g_assert_cmpuint(sent->m.type, ==, HVIS_IC_VSS);
	g_assert_cmpuint(sent->m.body.left, ==, len);
	g_assert_true(vss_wire_decode(sent->m.body.pos, sent->m.body.left, &m, NULL));
	g_assert_cmpuint(m.op, ==, op);
	hvis_fake_clock_advance(f->clock, 10);
	fake_bus_answer(f->bus, "vss", sent, status, &body, vss_wire_encode(&answer, &body));
	return m;
}

static void answer(Fixture *f, guint8 op)
{
	answer_with(f, op, op == HVIS_VSS_OP_FREEZE ? 6260 : 12, HVIS_S_OK, 0);
}

static void expect_nothing(Fixture *f)
{
	g_assert_null(fake_bus_take(f->bus, "vss"));
}

static void expect_end(Fixture *f, VssResult result, const char *message)
{
	g_assert_cmpuint(f->calls, ==, 1);
	g_assert_cmpstr(vss_result_name(f->report.result), ==, vss_result_name(result));
	if (!message)
		g_assert_cmpstr(f->message, ==, NULL);
	else if (!f->message || !strstr(f->message, message))
		g_error("\"%s\" does not contain \"%s\"", f->message, message);
}

static void expect_step(Fixture *f, VssStep step, guint32 status, gint64 ms)
{
	g_assert_true(f->report.step[step].taken);
	g_assert_true(f->report.step[step].answered == (step != VSS_STEP_HOLD));
	g_assert_cmphex(f->report.step[step].status, ==, status);
	g_assert_cmpint(f->report.step[step].us, ==, ms * 1000);
}

static void until_frozen(Fixture *f)
{
	answer(f, HVIS_VSS_OP_HOT_BACKUP);
	answer(f, HVIS_VSS_OP_GET_DM_INFO);
	answer(f, HVIS_VSS_OP_FREEZE);
}

static const char *phase(Fixture *f)
{
	static char text[16];
	struct json_object *json = service_describe(f->vss);

	g_strlcpy(
		text, json_object_get_string(json_object_object_get(json, "backup")), sizeof(text));
	json_object_put(json);
	return text;
}

/* --- as it should be --- */

static void test_done(Fixture *f, gconstpointer spec)
{
	struct hvis_vss_lun luns[2] = { { .bus = 1, .lun = 1 }, { .bus = 1, .lun = 7 } };
	VssMessage m;

	start(f, BACKUP(.n_luns = 2, .luns = luns));
	g_assert_cmpstr(phase(f), ==, "checking");
	luns[0].lun = 99; /* they were copied */
	answer_with(f, HVIS_VSS_OP_HOT_BACKUP, 12, HVIS_S_OK, HVIS_VSS_NO_AUTO_RECOVERY);
	answer(f, HVIS_VSS_OP_GET_DM_INFO);
	g_assert_cmpstr(phase(f), ==, "freezing");
	m = answer_with(f, HVIS_VSS_OP_FREEZE, 6260, HVIS_S_OK, 0);
	g_assert_cmpuint(m.backup_type, ==, HVIS_VSS_BACKUP_FULL);
	g_assert_cmpuint(m.n_luns, ==, 2);
	g_assert_cmpuint(m.luns[0].lun, ==, 1);
	g_assert_cmpuint(m.luns[1].lun, ==, 7);
	g_assert_cmpstr(phase(f), ==, "frozen");
	hvis_fake_clock_advance(f->clock, 4999);
	expect_nothing(f);
	hvis_fake_clock_advance(f->clock, 1);
	g_assert_cmpstr(phase(f), ==, "thawing");
	g_assert_cmpuint(f->calls, ==, 0);
	answer(f, HVIS_VSS_OP_THAW);
	expect_end(f, VSS_DONE, NULL);
	g_assert_cmphex(f->report.check_flags, ==, HVIS_VSS_NO_AUTO_RECOVERY);
	expect_step(f, VSS_STEP_CHECK, HVIS_S_OK, 20);
	expect_step(f, VSS_STEP_FREEZE, HVIS_S_OK, 10);
	expect_step(f, VSS_STEP_HOLD, HVIS_S_OK, 5000);
	expect_step(f, VSS_STEP_THAW, HVIS_S_OK, 10);
	g_assert_cmpstr(phase(f), ==, "idle");
	start(f, BACKUP(.abort = TRUE)); /* and again */
}

static void test_abort(Fixture *f, gconstpointer spec)
{
	start(f, BACKUP(.abort = TRUE));
	until_frozen(f);
	answer(f, HVIS_VSS_OP_THAW);
	expect_end(f, VSS_ABORTED, NULL);
	expect_step(f, VSS_STEP_HOLD, HVIS_S_OK, 0);
}

static void test_silent(Fixture *f, gconstpointer spec)
{
	start(f, BACKUP_SILENT(VSS_STEP_FREEZE));
	until_frozen(f);
	expect_end(f, VSS_SILENT, NULL);
	g_assert_false(f->report.step[VSS_STEP_HOLD].taken);
	hvis_fake_clock_advance(f->clock, 100000);
	expect_nothing(f);
	start(f, BACKUP_SILENT(VSS_STEP_CHECK));
	answer(f, HVIS_VSS_OP_HOT_BACKUP);
	answer(f, HVIS_VSS_OP_GET_DM_INFO);
	expect_nothing(f);
	g_assert_cmpint(f->report.result, ==, VSS_SILENT);
}

static void test_busy(Fixture *f, gconstpointer spec)
{
	static const struct hvis_vss_lun luns[HVIS_VSS_LUNS_MAX + 1];
	VssBackup backup = BACKUP(.n_luns = G_N_ELEMENTS(luns), .luns = luns);
	g_autoptr(GError) error = NULL;

	g_assert_false(vss_backup(f->vss, &backup, on_report, f, &error));
	g_assert_true(hvis_error_is(error, HVIS_ERROR_INVALID));
	g_clear_error(&error);
	backup.n_luns--;
	start(f, backup);
	g_assert_false(vss_backup(f->vss, &backup, on_report, f, &error));
	g_assert_true(hvis_error_is(error, HVIS_ERROR_BUSY));
	until_frozen(f);
	hvis_fake_clock_advance(f->clock, 5000);
	answer(f, HVIS_VSS_OP_THAW);
	expect_end(f, VSS_DONE, NULL);
}

/* --- given up from outside: never frozen without need, never left frozen --- */

static void test_given_up_checking(Fixture *f, gconstpointer spec)
{
	start(f, BACKUP());
	vss_abort(f->vss);
	answer(f, HVIS_VSS_OP_HOT_BACKUP);
	answer(f, HVIS_VSS_OP_GET_DM_INFO);
	expect_nothing(f);
	expect_end(f, VSS_ABORTED, NULL);
}

static void test_given_up_freezing(Fixture *f, gconstpointer spec)
{
	start(f, BACKUP());
	answer(f, HVIS_VSS_OP_HOT_BACKUP);
	answer(f, HVIS_VSS_OP_GET_DM_INFO);
	vss_abort(f->vss);
	answer(f, HVIS_VSS_OP_FREEZE);
	answer(f, HVIS_VSS_OP_THAW);
	expect_end(f, VSS_ABORTED, NULL);
}

static void test_given_up_frozen(Fixture *f, gconstpointer spec)
{
	start(f, BACKUP());
	until_frozen(f);
	hvis_fake_clock_advance(f->clock, 1000);
	vss_abort(f->vss);
	vss_abort(f->vss); /* twice is no harm */
	answer(f, HVIS_VSS_OP_THAW);
	expect_end(f, VSS_ABORTED, NULL);
	expect_step(f, VSS_STEP_HOLD, HVIS_S_OK, 1000);
	vss_abort(f->vss); /* nor is it afterwards */
	expect_nothing(f);
}

/* --- refused --- */

static void test_refused(Fixture *f, gconstpointer spec)
{
	static const guint8 ops[] = { HVIS_VSS_OP_HOT_BACKUP, HVIS_VSS_OP_GET_DM_INFO,
		HVIS_VSS_OP_FREEZE, HVIS_VSS_OP_THAW };

	for (gsize i = 0; i < G_N_ELEMENTS(ops); i++) {
		f->calls = 0;
		start(f, BACKUP(.abort = TRUE));
		for (gsize j = 0; j < i; j++)
			answer(f, ops[j]);
		answer_with(f, ops[i], ops[i] == HVIS_VSS_OP_FREEZE ? 6260 : 12, HVIS_E_FAIL, 0);
		expect_end(f, ops[i] == HVIS_VSS_OP_THAW ? VSS_FAILED : VSS_REFUSED,
			"the guest answers fail");
		expect_nothing(f);
	}
}

/* --- no answer --- */

static void test_timeout(Fixture *f, gconstpointer spec)
{
	g_autoptr(FakeSent) sent = NULL;

	start(f, BACKUP());
	answer(f, HVIS_VSS_OP_HOT_BACKUP);
	answer(f, HVIS_VSS_OP_GET_DM_INFO);
	sent = fake_bus_take(f->bus, "vss");
	hvis_fake_clock_advance(f->clock, HVIS_VSS_HOST_TIMEOUT_MS - 1);
	g_assert_cmpuint(f->calls, ==, 0);
	hvis_fake_clock_advance(f->clock, 1);
	expect_end(f, VSS_TIMEOUT, "no answer from the guest within 60 s");
	g_assert_false(f->report.step[VSS_STEP_FREEZE].answered);
	fake_bus_answer(f->bus, "vss", sent, HVIS_S_OK, NULL, 0);
	g_assert_cmpuint(service_counters(f->vss)->late, ==, 1);
	answer(f, HVIS_VSS_OP_THAW); /* it is frozen now, and told */
	g_assert_cmpuint(f->calls, ==, 1);
}

static void test_timeout_checking(Fixture *f, gconstpointer spec)
{
	g_autoptr(FakeSent) sent = NULL;

	start(f, BACKUP());
	sent = fake_bus_take(f->bus, "vss");
	hvis_fake_clock_advance(f->clock, HVIS_VSS_HOST_TIMEOUT_MS);
	expect_end(f, VSS_TIMEOUT, "no answer");
	expect_nothing(f); /* nothing can be frozen */
}

static void test_timeout_thawing(Fixture *f, gconstpointer spec)
{
	g_autoptr(FakeSent) sent = NULL;

	start(f, BACKUP(.abort = TRUE));
	until_frozen(f);
	sent = fake_bus_take(f->bus, "vss");
	hvis_fake_clock_advance(f->clock, HVIS_VSS_HOST_TIMEOUT_MS);
	expect_end(f, VSS_TIMEOUT, "no answer");
	expect_nothing(f);
}

/* --- gone --- */

static void test_not_open(Fixture *f, gconstpointer spec)
{
	start(f, BACKUP());
	expect_end(f, VSS_GONE, "vss is not open in the guest: no program there serves it");
}

static void test_closed_freezing(Fixture *f, gconstpointer spec)
{
	g_autoptr(FakeSent) sent = NULL;

	start(f, BACKUP());
	answer(f, HVIS_VSS_OP_HOT_BACKUP);
	answer(f, HVIS_VSS_OP_GET_DM_INFO);
	sent = fake_bus_take(f->bus, "vss");
	fake_bus_close(f->bus, "vss");
	expect_end(f, VSS_GONE, "the service was closed meanwhile");
	expect_nothing(f);
}

static void test_rescinded_frozen(Fixture *f, gconstpointer spec)
{
	start(f, BACKUP());
	until_frozen(f);
	hvis_fake_clock_advance(f->clock, 2000);
	service_disable(f->vss);
	expect_end(f, VSS_GONE, "closed while the guest was frozen");
	expect_step(f, VSS_STEP_HOLD, HVIS_S_OK, 2000);
	g_assert_cmpuint(hvis_fake_clock_pending(f->clock), ==, 0);
	g_assert_true(service_enable(f->vss, NULL));
	ready(f, 5);
	f->calls = 0;
	start(f, BACKUP(.abort = TRUE));
	until_frozen(f);
	answer(f, HVIS_VSS_OP_THAW);
	expect_end(f, VSS_ABORTED, NULL);
}

/* As after a restore: the guest is still frozen, and thawed in the end. */
static void test_renegotiated_frozen(Fixture *f, gconstpointer spec)
{
	start(f, BACKUP());
	until_frozen(f);
	g_assert_true(service_renegotiate(f->vss, NULL));
	g_assert_cmpstr(phase(f), ==, "frozen");
	fake_bus_agree(f->bus, "vss", (IcVersion){ 3, 0 }, (IcVersion){ 5, 0 });
	hvis_fake_clock_advance(f->clock, 5000);
	answer(f, HVIS_VSS_OP_THAW);
	expect_end(f, VSS_DONE, NULL);
}

static void test_freed_frozen(void)
{
	Fixture f = { 0 };

	setup(&f, GUINT_TO_POINTER(5));
	start(&f, BACKUP());
	until_frozen(&f);
	teardown(&f, NULL);
	g_assert_cmpuint(f.calls, ==, 1);
	g_assert_cmpint(f.report.result, ==, VSS_GONE);
}

/* --- versions --- */

static void test_no_freeze_in_v4(Fixture *f, gconstpointer spec)
{
	start(f, BACKUP());
	answer(f, HVIS_VSS_OP_HOT_BACKUP);
	answer(f, HVIS_VSS_OP_GET_DM_INFO);
	expect_end(f, VSS_IMPOSSIBLE, "FREEZE is of version 5.0, the guest agreed to 4.0");
	expect_nothing(f);
}

static void test_offer(Fixture *f, gconstpointer spec)
{
	g_autoptr(FakeSent) sent = NULL;
	IcVersions offer;

	fake_bus_open(f->bus, "vss");
	sent = fake_bus_take(f->bus, "vss");
	g_assert_true(icmsg_negotiate_decode(sent->m.body, &offer, NULL));
	g_assert_cmpuint(offer.n_message, ==, 4);
	for (guint16 i = 0; i < 4; i++)
		g_assert_cmpint(
			icmsg_version_cmp(offer.message[i], (IcVersion){ (guint16)(4 + i), 0 }), ==,
			0);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
#define T(path, major, func)                                                                       \
	g_test_add("/vss/" path, Fixture, GUINT_TO_POINTER(major), setup, func, teardown)
	T("done", 5, test_done);
	T("done/v7", 7, test_done);
	T("abort", 5, test_abort);
	T("silent", 5, test_silent);
	T("busy", 5, test_busy);
	T("given-up/checking", 5, test_given_up_checking);
	T("given-up/freezing", 5, test_given_up_freezing);
	T("given-up/frozen", 5, test_given_up_frozen);
	T("refused", 5, test_refused);
	T("timeout/freezing", 5, test_timeout);
	T("timeout/checking", 5, test_timeout_checking);
	T("timeout/thawing", 5, test_timeout_thawing);
	T("gone/not-open", 0, test_not_open);
	T("gone/closed-freezing", 5, test_closed_freezing);
	T("gone/rescinded-frozen", 5, test_rescinded_frozen);
	T("gone/renegotiated-frozen", 5, test_renegotiated_frozen);
	T("versions/no-freeze-in-4", 4, test_no_freeze_in_v4);
	T("versions/offer", 0, test_offer);
#undef T
	g_test_add_func("/vss/gone/freed-frozen", test_freed_frozen);
	return g_test_run();
}

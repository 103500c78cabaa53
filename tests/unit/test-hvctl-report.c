/* SPDX-License-Identifier: GPL-2.0-only */
/* Provisioning reports: their form is other programs' (Azure's host, cloud-init, azure-init). */
#include "config.h"

#include <glib/gstdio.h>
#include <string.h>

#include "hvctl/report.h"
#include "util/error.h"

#define UUID "33221100-5544-7766-8899-aabbccddeeff"
#define SWAPPED "00112233-4455-6677-8899-aabbccddeeff"
#define TIME "2026-06-17T08:09:10.000042+00:00"
#define WORDS(...) ((const char *const[]){ __VA_ARGS__, NULL })

typedef struct {
	char *root;
} Fixture;

static void write_file(Fixture *f, const char *path, const char *text)
{
	g_autofree char *full = g_strconcat(f->root, path, NULL);
	g_autofree char *dir = g_path_get_dirname(full);

	g_assert_cmpint(g_mkdir_with_parents(dir, 0755), ==, 0);
	g_assert_true(g_file_set_contents(full, text, -1, NULL));
}

static void set_up(Fixture *f, gconstpointer data)
{
	f->root = g_dir_make_tmp("hvis-hvctl-XXXXXX", NULL);
	g_assert_nonnull(f->root);
}

static void tear_down(Fixture *f, gconstpointer data)
{
	static const char *const all[] = { "/sys/class/dmi/id/product_uuid", "/sys/class/dmi/id",
		"/sys/class/dmi", "/sys/class", "/sys/firmware/efi/x", "/sys/firmware/efi",
		"/sys/firmware", "/sys", "" };

	for (gsize i = 0; i < G_N_ELEMENTS(all); i++) {
		g_autofree char *path = g_strconcat(f->root, all[i], NULL);

		g_remove(path);
	}
	g_free(f->root);
}

static char *value_of(Fixture *f, const char *const *words, GError **error)
{
	g_autoptr(GDateTime) now =
		g_date_time_new_from_iso8601("2026-06-17T10:09:10.000042+02:00", NULL);

	g_assert_nonnull(now);
	return hvctl_report_value(f->root, words, now, error);
}

static void expect(Fixture *f, const char *const *words, const char *want)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *value = value_of(f, words, &error);

	g_assert_no_error(error);
	g_assert_cmpstr(value, ==, want);
}

static void refused(Fixture *f, const char *const *words, const char *says)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *value = value_of(f, words, &error);

	g_assert_null(value);
	g_assert_true(hvis_error_is(error, HVIS_ERROR_INVALID));
	g_assert_nonnull(strstr(error->message, says));
}

static void test_form(Fixture *f, gconstpointer data)
{
	write_file(f, "/sys/class/dmi/id/product_uuid", SWAPPED "\n");
	write_file(f, "/sys/firmware/efi/x", "");
	expect(f, WORDS("success"),
		"result=success|agent=hvctl/" PACKAGE_VERSION "|pps_type=None|vm_id=" SWAPPED
		"|timestamp=" TIME);
	expect(f, WORDS("success", "agent=me/1", "message=all = well", "vm_id=7", "build="),
		"result=success|agent=me/1|pps_type=None|vm_id=7|timestamp=" TIME
		"|message=all = well|build=");
	expect(f,
		WORDS("failure", "no=network", "status=404", "pps_type=Savable", "vm_id=7",
			"agent=me/1", "documentation_url=https://example.com/?a=b"),
		"result=error|reason=no=network|agent=me/1|status=404|pps_type=Savable|vm_id=7|"
		"timestamp=" TIME "|documentation_url=https://example.com/?a=b");
}

/* What would be taken for the end of a field is quoted. */
static void test_quotes(Fixture *f, gconstpointer data)
{
	expect(f, WORDS("failure", "a|b", "vm_id=7", "agent=x", "say=it's", "lines=1\n2", "q=\"\""),
		"result=error|'reason=a|b'|agent=x|'say=it''s'|'lines=1\n2'|q=\"\"|pps_type=None|"
		"vm_id=7|timestamp=" TIME);
}

static void test_refused(Fixture *f, gconstpointer data)
{
	refused(f, WORDS("succes"), "success or failure");
	refused(f, WORDS("failure"), "needs a reason");
	refused(f, WORDS("failure", ""), "needs a reason");
	refused(f, WORDS("success", "well"), "NAME=VALUE");
	refused(f, WORDS("success", "=well"), "NAME=VALUE");
	refused(f, WORDS("success", "a|b=c"), "NAME=VALUE");
	refused(f, WORDS("success", "result=error"), "result=");
	refused(f, WORDS("failure", "x", "reason=y"), "reason=");
	refused(f, WORDS("success", "timestamp=now"), "timestamp=");
}

/* A BIOS has the first three fields the other way round than UEFI, and than Azure. */
static void test_vm_id(Fixture *f, gconstpointer data)
{
	g_autoptr(GError) error = NULL, none = NULL, missing = NULL;
	g_autofree char *bios = NULL, *uefi = NULL, *bad = NULL, *gone = NULL;

	gone = hvctl_report_vm_id(f->root, &missing);
	g_assert_null(gone);
	g_assert_null(value_of(f, WORDS("success"), &none));
	g_assert_true(hvis_error_is(none, HVIS_ERROR_INVALID));
	g_assert_nonnull(strstr(none->message, "vm_id=ID"));
	write_file(f, "/sys/class/dmi/id/product_uuid", "33221100-5544-7766-8899-AABBCCDDEEFF\n");
	bios = hvctl_report_vm_id(f->root, &error);
	g_assert_cmpstr(bios, ==, SWAPPED);
	write_file(f, "/sys/firmware/efi/x", "");
	uefi = hvctl_report_vm_id(f->root, &error);
	g_assert_cmpstr(uefi, ==, UUID);
	g_assert_no_error(error);
	write_file(f, "/sys/class/dmi/id/product_uuid", "Not Settable\n");
	bad = hvctl_report_vm_id(f->root, &error);
	g_assert_null(bad);
	g_assert_true(hvis_error_is(error, HVIS_ERROR_PROTOCOL));
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
#define ADD(name, func) g_test_add("/hvctl/report/" name, Fixture, NULL, set_up, func, tear_down)
	ADD("form", test_form);
	ADD("quotes", test_quotes);
	ADD("refused", test_refused);
	ADD("vm-id", test_vm_id);
	return g_test_run();
}

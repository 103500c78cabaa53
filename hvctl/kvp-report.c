/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hvctl kvp report: how provisioning went, as one record that Azure's host reads: fields NAME=VALUE
 * with "|" between them; one that has a "|" or the like in it is quoted as in CSV, with "'".
 */
#include "config.h"

#include <string.h>

#include "hvctl/records.h"
#include "hvctl/report.h"
#include "util/error.h"
#include "util/file.h"

#define AGENT "hvctl/" PACKAGE_VERSION
#define UUID_MAX 64u

const char *const hvctl_report_words[] = { "success", "failure", NULL };

/* What may be given as NAME=VALUE, and has its own place. */
enum { FIELD_AGENT, FIELD_PPS_TYPE, FIELD_VM_ID, FIELD_URL, FIELD_N };
const char *const hvctl_report_names[] = {
	"agent=", "pps_type=", "vm_id=", "documentation_url=", NULL
};
G_STATIC_ASSERT(G_N_ELEMENTS(hvctl_report_names) == FIELD_N + 1);

typedef struct {
	const char *reason; /* NULL: a success */
	const char *fields[FIELD_N];
	GPtrArray *others; /* of "NAME=VALUE", in their order; borrowed */
} Report;

/* --- the machine --- */

/* "33221100-5544-7766-…" to "00112233-4455-6677-…": each of the first three fields by bytes. */
static void swap_fields(char *uuid)
{
	static const struct {
		guint8 at, bytes;
	} fields[] = { { 0, 4 }, { 9, 2 }, { 14, 2 } };

	for (gsize i = 0; i < G_N_ELEMENTS(fields); i++) {
		char *field = uuid + fields[i].at;
		guint len = 2u * fields[i].bytes;

		for (guint k = 0; k < len / 2; k += 2) {
			char pair[2];

			memcpy(pair, field + k, 2);
			memcpy(field + k, field + len - 2 - k, 2);
			memcpy(field + len - 2 - k, pair, 2);
		}
	}
}

char *hvctl_report_vm_id(const char *root, GError **error)
{
	g_autofree char *path = g_strconcat(root, "/sys/class/dmi/id/product_uuid", NULL);
	g_autofree char *efi = g_strconcat(root, "/sys/firmware/efi", NULL);
	g_autofree char *text = hvis_file_read(path, UUID_MAX, NULL, error);
	g_autofree char *uuid = text ? g_ascii_strdown(g_strstrip(text), -1) : NULL;

	if (!uuid)
		return NULL;
	if (!g_uuid_string_is_valid(uuid)) {
		hvis_fail(error, HVIS_ERROR_PROTOCOL, "%s has no UUID", path);
		return NULL;
	}
	if (!g_file_test(efi, G_FILE_TEST_EXISTS))
		swap_fields(uuid);
	return g_steal_pointer(&uuid);
}

/* --- words --- */

static gboolean is_name(const char *word, gsize len)
{
	return len > 0 && strspn(word, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "_.-") == len;
}

static gboolean is_own(const char *word)
{
	return g_str_has_prefix(word, "result=") || g_str_has_prefix(word, "reason=") ||
	       g_str_has_prefix(word, "timestamp=");
}

static gboolean take_word(Report *report, const char *word, GError **error)
{
	gsize len = strcspn(word, "=");

	if (word[len] != '=' || !is_name(word, len))
		return hvis_fail(error, HVIS_ERROR_INVALID, "\"%s\": NAME=VALUE is wanted", word);
	if (is_own(word))
		return hvis_fail(
			error, HVIS_ERROR_INVALID, "%.*s= is not for you to set", (int)len, word);
	for (guint i = 0; i < FIELD_N; i++) {
		if (g_str_has_prefix(word, hvctl_report_names[i])) {
			report->fields[i] = word + len + 1;
			return TRUE;
		}
	}
	g_ptr_array_add(report->others, (gpointer)(guintptr)word);
	return TRUE;
}

static gboolean take_words(Report *report, const char *const *words, GError **error)
{
	gboolean failure = g_str_equal(words[0], "failure");

	if (!g_strv_contains(hvctl_report_words, words[0]))
		return hvis_fail(error, HVIS_ERROR_INVALID, "\"%s\": success or failure is wanted",
			words[0]);
	words++;
	if (failure && (!*words || **words == '\0'))
		return hvis_fail(error, HVIS_ERROR_INVALID, "a failure needs a reason");
	if (failure)
		report->reason = *words++;
	for (; *words; words++) {
		if (!take_word(report, *words, error))
			return FALSE;
	}
	return TRUE;
}

/* --- the value --- */

static void add(GString *value, const char *name, const char *text)
{
	g_autofree char *field = g_strdup_printf("%s%s%s", name, *name ? "=" : "", text);
	g_auto(GStrv) pieces = g_strsplit(field, "'", -1);
	g_autofree char *doubled = g_strjoinv("''", pieces);
	gboolean odd = strpbrk(field, "|'\r\n") != NULL;

	g_string_append_printf(value, "%s%s%s%s", value->len ? "|" : "", odd ? "'" : "",
		odd ? doubled : field, odd ? "'" : "");
}

static void add_others(GString *value, const Report *report)
{
	for (guint i = 0; i < report->others->len; i++)
		add(value, "", report->others->pdata[i]);
}

static char *format_time(GDateTime *now)
{
	g_autoptr(GDateTime) utc = g_date_time_to_utc(now);
	g_autofree char *seconds = g_date_time_format(utc, "%Y-%m-%dT%H:%M:%S");

	return g_strdup_printf("%s.%06d+00:00", seconds, g_date_time_get_microsecond(utc));
}

static char *format_report(const Report *report, const char *vm_id, GDateTime *now)
{
	const char *pps_type = report->fields[FIELD_PPS_TYPE];
	const char *agent = report->fields[FIELD_AGENT], *url = report->fields[FIELD_URL];
	g_autofree char *timestamp = format_time(now);
	GString *value = g_string_new(NULL);

	add(value, "result", report->reason ? "error" : "success");
	if (report->reason)
		add(value, "reason", report->reason);
	add(value, "agent", agent ? agent : AGENT);
	if (report->reason)
		add_others(value, report);
	add(value, "pps_type", pps_type ? pps_type : "None");
	add(value, "vm_id", vm_id);
	add(value, "timestamp", timestamp);
	if (!report->reason)
		add_others(value, report);
	if (url)
		add(value, "documentation_url", url);
	return g_string_free(value, FALSE);
}

static char *vm_id_of(const Report *report, const char *root, GError **error)
{
	g_autoptr(GError) failed = NULL;
	char *vm_id;

	if (report->fields[FIELD_VM_ID])
		return g_strdup(report->fields[FIELD_VM_ID]);
	vm_id = hvctl_report_vm_id(root, &failed);
	if (vm_id)
		return vm_id;
	hvis_error_append(&failed, "; say which machine this is: vm_id=ID");
	if (hvis_error_is(failed, HVIS_ERROR_NOT_FOUND)) /* not of a key */
		hvis_fail(error, HVIS_ERROR_INVALID, "%s", failed->message);
	else
		g_propagate_error(error, g_steal_pointer(&failed));
	return NULL;
}

char *hvctl_report_value(const char *root, const char *const *words, GDateTime *now, GError **error)
{
	g_autoptr(GPtrArray) others = g_ptr_array_new();
	Report report = { .others = others };
	g_autofree char *vm_id = NULL;

	if (!take_words(&report, words, error))
		return NULL;
	vm_id = vm_id_of(&report, root, error);
	return vm_id ? format_report(&report, vm_id, now) : NULL;
}

HvisExit hvctl_kvp_report(const HvctlRequest *request, GError **error)
{
	g_autoptr(GDateTime) now = g_date_time_new_now_utc();
	g_autofree char *value =
		hvctl_report_value(request->root, (const char *const *)request->args, now, error);
	g_auto(HvctlSource) source = { 0 };

	if (value && hvctl_source_open(&source, request, error))
		hvctl_source_set(&source, request->pool, HVCTL_REPORT_KEY, value, error);
	return HVIS_EXIT_OK;
}

/* SPDX-License-Identifier: GPL-2.0-only */
/* The words after "--service NAME=": a table of them, and ranges of versions. */
#include <string.h>
#include "host/service/class.h"
#include "util/error.h"

static const IcVersion frameworks[] = { { 1, 0 }, { 3, 0 } };

void service_options_init(const ServiceClass *class, ServiceOptions *ret)
{
	*ret = (ServiceOptions){
		.timeout_ms = class->timeout_ms ? class->timeout_ms : IC_TIMEOUT_MS,
		.negotiate_ms = IC_NEGOTIATE_TIMEOUT_MS,
		.period_ms = class->period_ms,
	};
	ret->offer.n_framework = G_N_ELEMENTS(frameworks);
	memcpy(ret->offer.framework, frameworks, sizeof(frameworks));
	ret->offer.n_message = class->n_versions;
	memcpy(ret->offer.message, class->versions, class->n_versions * sizeof(*class->versions));
}

static gboolean parse_version(const char *text, IcVersion *ret, GError **error)
{
	if (icmsg_version_parse(text, ret))
		return TRUE;
	return hvis_fail(error, HVIS_ERROR_INVALID, "\"%s\" is no version such as 3.0", text);
}

/* Keep of @known what lies within @text, "3.0" or "3.0-4.0". */
static gboolean parse_range(const char *text, const IcVersion *known, guint n_known, IcVersion *ret,
	guint *ret_n, GError **error)
{
	g_auto(GStrv) ends = g_strsplit(text, "-", 2);
	g_autoptr(GString) have = NULL;
	IcVersion low, high, keep[HVIS_IC_MAX_VERSIONS];
	guint n = 0;

	if (!parse_version(ends[0] ? ends[0] : "", &low, error) ||
		!parse_version(ends[0] && ends[1] ? ends[1] : text, &high, error))
		return FALSE;
	for (guint i = 0; i < n_known; i++)
		if (icmsg_version_cmp(low, known[i]) <= 0 && icmsg_version_cmp(known[i], high) <= 0)
			keep[n++] = known[i];
	if (n == 0) {
		have = g_string_new(NULL);
		ic_versions_append(have, known, n_known);
		return hvis_fail(error, HVIS_ERROR_INVALID, "no version within %s; there are %s",
			text, have->str);
	}
	memcpy(ret, keep, n * sizeof(*keep));
	*ret_n = n;
	return TRUE;
}

static gboolean parse_ms(const char *key, const char *text, guint *ret, GError **error)
{
	guint64 ms;

	if (!g_ascii_string_to_unsigned(text, 10, 1, G_MAXINT, &ms, NULL))
		return hvis_fail(error, HVIS_ERROR_INVALID, "%s=%s: not a number of milliseconds",
			key, text);
	*ret = (guint)ms;
	return TRUE;
}

static gboolean parse_bool(const char *key, const char *text, gboolean *ret, GError **error)
{
	if (g_str_equal(text, "yes"))
		*ret = TRUE;
	else if (g_str_equal(text, "no"))
		*ret = FALSE;
	else
		return hvis_fail(error, HVIS_ERROR_INVALID, "%s=%s: neither yes nor no", key, text);
	return TRUE;
}

static gboolean parse_word(const ServiceClass *class, const char *key, const char *value,
	ServiceOptions *o, GError **error)
{
	gboolean dedicated = TRUE;

	if (g_str_equal(key, "versions"))
		return parse_range(value, class->versions, class->n_versions, o->offer.message,
			&o->offer.n_message, error);
	if (g_str_equal(key, "framework"))
		return parse_range(value, frameworks, G_N_ELEMENTS(frameworks), o->offer.framework,
			&o->offer.n_framework, error);
	if (g_str_equal(key, "timeout-ms"))
		return parse_ms(key, value, &o->timeout_ms, error);
	if (g_str_equal(key, "negotiate-ms"))
		return parse_ms(key, value, &o->negotiate_ms, error);
	if (g_str_equal(key, "period-ms") && class->period_ms)
		return parse_ms(key, value, &o->period_ms, error);
	if (g_str_equal(key, "monitored"))
		return parse_bool(key, value, &o->monitored, error);
	if (g_str_equal(key, "disabled"))
		return parse_bool(key, value, &o->disabled, error);
	if (g_str_equal(key, "dedicated")) {
		if (!parse_bool(key, value, &dedicated, error))
			return FALSE;
		o->no_dedicated = !dedicated;
		return TRUE;
	}
	return hvis_fail(error, HVIS_ERROR_INVALID, "no option \"%s\"", key);
}

gboolean service_options_parse(
	const ServiceClass *class, const char *options, ServiceOptions *ret, GError **error)
{
	g_auto(GStrv) words = g_strsplit(options, ",", -1);
	ServiceOptions parsed = *ret;

	for (char **w = words; *w; w++) {
		char *value = strchr(*w, '=');

		if (value)
			*value++ = '\0';
		if (!parse_word(class, *w, value ? value : "yes", &parsed, error)) {
			g_prefix_error(error, "service %s: ", class->name);
			return FALSE;
		}
	}
	*ret = parsed;
	return TRUE;
}

/* SPDX-License-Identifier: GPL-2.0-only */
/* Words and members. */
#include "config.h"

#include "fcopyd/history.h"

#include <util/duration.h>
#include <util/json.h>

void fcopy_transfer_clear(FcopyTransfer *transfer)
{
	g_free(transfer->target);
	g_free(transfer->directory);
	g_free(transfer->name);
	g_free(transfer->message);
	*transfer = (FcopyTransfer){ 0 };
}

const char *fcopy_result_word(FcopyResult result)
{
	static const char *const words[FCOPY_RESULT_N] = { NULL, "ok", "cancelled", "failed",
		"refused" };

	return words[result];
}

static const char *ender_word(FcopyEnder ender)
{
	static const char *const words[FCOPY_ENDER_N] = { NULL, "host", "hand", "device", "daemon",
		"failure" };

	return words[ender];
}

char *fcopy_transfer_where(const FcopyTransfer *transfer)
{
	const char *directory = transfer->directory;

	if (transfer->target)
		return g_strdup(transfer->target);
	return g_str_has_suffix(directory, "/") ? g_strconcat(directory, transfer->name, NULL)
						: g_strdup(directory);
}

/* "1.4 GiB"; GLib's own has a blank that is none. */
static char *size_text(guint64 size)
{
	static const char *const units[] = { "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
	double value = (double)size / 1024;
	guint unit = 0;

	if (size < 1024)
		return g_strdup_printf("%" G_GUINT64_FORMAT " byte%s", size, size == 1 ? "" : "s");
	for (; value >= 1023.95 && unit < G_N_ELEMENTS(units) - 1; unit++)
		value /= 1024;
	return g_strdup_printf("%.1f %s", value, units[unit]);
}

/* Nothing of nothing is all of it. */
static guint percent(const FcopyTransfer *transfer)
{
	guint64 received = MIN(transfer->received, transfer->size);

	return transfer->size == 0 ? 100 : (guint)((double)received * 100 / (double)transfer->size);
}

char *fcopy_transfer_size(const FcopyTransfer *transfer)
{
	return size_text(transfer->size);
}

char *fcopy_transfer_progress(const FcopyTransfer *transfer)
{
	g_autofree char *size = size_text(transfer->size);

	return g_strdup_printf("%u %% of %s", percent(transfer), size);
}

char *fcopy_transfer_pace(const FcopyTransfer *transfer)
{
	g_autofree char *size = size_text(transfer->size);
	g_autofree char *took = hvis_duration_text(MAX(transfer->end_us - transfer->begin_us, 0));

	return g_strdup_printf("%s in %s", size, took);
}

struct json_object *fcopy_transfer_json(const FcopyTransfer *transfer)
{
	const char *ender = ender_word(transfer->ender);
	struct json_object *object = json_object_new_object();

	json_object_object_add(object, "target", hvis_json_text(transfer->target));
	json_object_object_add(object, "directory", hvis_json_text(transfer->directory));
	json_object_object_add(object, "name", hvis_json_text(transfer->name));
	json_object_object_add(object, "overwrite", json_object_new_boolean(transfer->overwrite));
	json_object_object_add(
		object, "create_path", json_object_new_boolean(transfer->create_path));
	json_object_object_add(object, "size", hvis_json_count(transfer->size));
	json_object_object_add(object, "received", hvis_json_count(transfer->received));
	json_object_object_add(object, "repeated", hvis_json_count(transfer->repeated));
	json_object_object_add(object, "begin_us", json_object_new_int64(transfer->begin_us));
	json_object_object_add(object, "end_us",
		transfer->end_us ? json_object_new_int64(transfer->end_us) : NULL);
	json_object_object_add(
		object, "result", hvis_json_text(fcopy_result_word(transfer->result)));
	json_object_object_add(object, "message", hvis_json_text(transfer->message));
	json_object_object_add(object, "ended_by", hvis_json_text(ender));
	json_object_object_add(
		object, "sha256", hvis_json_text(transfer->sha256[0] ? transfer->sha256 : NULL));
	return object;
}

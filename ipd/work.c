/* SPDX-License-Identifier: GPL-2.0-only */
/* Work as data; see the header. Contents are text: what is not UTF-8 travels in base64. */
#include "config.h"

#include "ipd/work.h"

#include <string.h>

#include <util/error.h>

#define IP_WORK_LIST_MAX 64u /* ours: files or programs of one change */

IpFile *ip_file_new(const char *path, const char *content, mode_t mode)
{
	IpFile *file = g_new(IpFile, 1);

	*file = (IpFile){ g_strdup(path), g_strdup(content), mode };
	return file;
}

void ip_file_free(IpFile *file)
{
	if (!file)
		return;
	g_free(file->path);
	g_free(file->content);
	g_free(file);
}

static void command_free(gpointer data)
{
	IpCommand *command = data;

	g_strfreev(command->argv);
	g_free(command);
}

static GPtrArray *commands_new(void)
{
	return g_ptr_array_new_with_free_func(command_free);
}

GPtrArray *ip_files_new(void)
{
	return g_ptr_array_new_with_free_func((GDestroyNotify)ip_file_free);
}

IpWork *ip_work_new(void)
{
	IpWork *work = g_new(IpWork, 1);

	*work = (IpWork){ .files = ip_files_new(),
		.before = commands_new(),
		.after = commands_new(),
		.undo_before = commands_new(),
		.undo_after = commands_new(),
		.warnings = g_ptr_array_new_with_free_func(g_free) };
	return work;
}

void ip_work_free(IpWork *work)
{
	if (!work)
		return;
	g_ptr_array_unref(work->files);
	g_ptr_array_unref(work->before);
	g_ptr_array_unref(work->after);
	g_ptr_array_unref(work->undo_before);
	g_ptr_array_unref(work->undo_after);
	g_ptr_array_unref(work->warnings);
	g_free(work);
}

void ip_work_file(IpWork *work, const char *path, const char *content, mode_t mode)
{
	g_ptr_array_add(work->files, ip_file_new(path, content, mode));
}

void ip_work_warn(IpWork *work, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	g_ptr_array_add(work->warnings, g_strdup_vprintf(format, ap));
	va_end(ap);
}

static void add_command(GPtrArray *list, char **argv, gboolean optional)
{
	IpCommand *command = g_new(IpCommand, 1);

	*command = (IpCommand){ argv, optional };
	g_ptr_array_add(list, command);
}

static char **collect(const char *first, va_list ap)
{
	GPtrArray *argv = g_ptr_array_new();

	for (const char *arg = first; arg; arg = va_arg(ap, const char *))
		g_ptr_array_add(argv, g_strdup(arg));
	g_ptr_array_add(argv, NULL);
	return (char **)g_ptr_array_free(argv, FALSE);
}

void ip_command(GPtrArray *list, const char *first, ...)
{
	va_list ap;

	va_start(ap, first);
	add_command(list, collect(first, ap), FALSE);
	va_end(ap);
}

void ip_command_optional(GPtrArray *list, const char *first, ...)
{
	va_list ap;

	va_start(ap, first);
	add_command(list, collect(first, ap), TRUE);
	va_end(ap);
}

/* --- JSON --- */

static struct json_object *file_json(const IpFile *file)
{
	struct json_object *json = json_object_new_object();
	gsize len = file->content ? strlen(file->content) : 0;
	gboolean plain = file->content && g_utf8_validate_len(file->content, len, NULL);
	g_autofree char *coded = file->content && !plain
					 ? g_base64_encode((const guchar *)file->content, len)
					 : NULL;

	json_object_object_add(json, "path", json_object_new_string(file->path));
	json_object_object_add(json, coded ? "base64" : "content",
		coded   ? json_object_new_string(coded)
		: plain ? json_object_new_string(file->content)
			: NULL);
	json_object_object_add(json, "mode", json_object_new_int((int)file->mode));
	return json;
}

struct json_object *ip_files_to_json(const GPtrArray *files)
{
	struct json_object *json = json_object_new_array();

	for (guint i = 0; i < files->len; i++)
		json_object_array_add(json, file_json(files->pdata[i]));
	return json;
}

static const char *string_member(struct json_object *object, const char *name)
{
	struct json_object *value = NULL;

	json_object_object_get_ex(object, name, &value);
	return json_object_is_type(value, json_type_string) ? json_object_get_string(value) : NULL;
}

static char *content_of(struct json_object *object)
{
	const char *coded = string_member(object, "base64");
	g_autofree guchar *bytes = NULL;
	gsize len;

	if (!coded)
		return g_strdup(string_member(object, "content"));
	bytes = g_base64_decode(coded, &len);
	return g_strndup((const char *)bytes, len);
}

gboolean ip_files_from_json(struct json_object *json, GPtrArray *list, GError **error)
{
	if (!json_object_is_type(json, json_type_array) ||
		json_object_array_length(json) > IP_WORK_LIST_MAX)
		return hvis_fail(error, HVIS_ERROR_INVALID, "no list of files");
	for (gsize i = 0; i < json_object_array_length(json); i++) {
		struct json_object *item = json_object_array_get_idx(json, i);
		const char *path = string_member(item, "path");
		g_autofree char *content = content_of(item);

		if (!path || !g_path_is_absolute(path))
			return hvis_fail(error, HVIS_ERROR_INVALID, "a file without a path");
		g_ptr_array_add(list,
			ip_file_new(path, content,
				(mode_t)json_object_get_int(json_object_object_get(item, "mode")) &
					0777));
	}
	return TRUE;
}

/* An optional program begins with "-", as in a unit. */
static struct json_object *commands_json(const GPtrArray *commands)
{
	struct json_object *json = json_object_new_array();

	for (guint i = 0; i < commands->len; i++) {
		const IpCommand *command = commands->pdata[i];
		struct json_object *argv = json_object_new_array();

		if (command->optional)
			json_object_array_add(argv, json_object_new_string("-"));
		for (char **arg = command->argv; *arg; arg++)
			json_object_array_add(argv, json_object_new_string(*arg));
		json_object_array_add(json, argv);
	}
	return json;
}

static struct json_object *strings_json(const GPtrArray *strings)
{
	struct json_object *json = json_object_new_array();

	for (guint i = 0; i < strings->len; i++)
		json_object_array_add(json, json_object_new_string(strings->pdata[i]));
	return json;
}

struct json_object *ip_work_to_json(const IpWork *work)
{
	struct json_object *json = json_object_new_object();

	json_object_object_add(json, "files", ip_files_to_json(work->files));
	json_object_object_add(json, "before", commands_json(work->before));
	json_object_object_add(json, "after", commands_json(work->after));
	json_object_object_add(json, "undo_before", commands_json(work->undo_before));
	json_object_object_add(json, "undo_after", commands_json(work->undo_after));
	json_object_object_add(json, "warnings", strings_json(work->warnings));
	return json;
}

static gboolean take_argv(struct json_object *json, GPtrArray *list)
{
	gsize n = json_object_is_type(json, json_type_array) ? json_object_array_length(json) : 0;
	g_autoptr(GPtrArray) argv = g_ptr_array_new();
	gboolean optional = FALSE;

	if (n == 0 || n > IP_WORK_LIST_MAX)
		return FALSE;
	for (gsize i = 0; i < n; i++) {
		const char *arg = json_object_get_string(json_object_array_get_idx(json, i));

		if (!arg)
			return FALSE;
		if (i == 0 && strcmp(arg, "-") == 0)
			optional = TRUE;
		else
			g_ptr_array_add(argv, (gpointer)arg);
	}
	g_ptr_array_add(argv, NULL);
	if (argv->len < 2)
		return FALSE;
	add_command(list, g_strdupv((char **)argv->pdata), optional);
	return TRUE;
}

static gboolean take_commands(
	struct json_object *object, const char *name, GPtrArray *list, GError **error)
{
	struct json_object *json = NULL;

	if (!json_object_object_get_ex(object, name, &json) ||
		!json_object_is_type(json, json_type_array) ||
		json_object_array_length(json) > IP_WORK_LIST_MAX)
		return hvis_fail(error, HVIS_ERROR_INVALID, "no list \"%s\"", name);
	for (gsize i = 0; i < json_object_array_length(json); i++) {
		if (!take_argv(json_object_array_get_idx(json, i), list))
			return hvis_fail(
				error, HVIS_ERROR_INVALID, "a bad program in \"%s\"", name);
	}
	return TRUE;
}

IpWork *ip_work_from_json(struct json_object *object, GError **error)
{
	g_autoptr(IpWork) work = ip_work_new();
	struct json_object *files = NULL;

	json_object_object_get_ex(object, "files", &files);
	if (!ip_files_from_json(files, work->files, error) ||
		!take_commands(object, "before", work->before, error) ||
		!take_commands(object, "after", work->after, error) ||
		!take_commands(object, "undo_before", work->undo_before, error) ||
		!take_commands(object, "undo_after", work->undo_after, error))
		return NULL;
	return g_steal_pointer(&work);
}

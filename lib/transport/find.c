/* SPDX-License-Identifier: GPL-2.0-only */
/* Devices in sysfs; see the header. */
#include <transport/find.h>

#include <string.h>
#include <unistd.h>

#include <hvis/services.h>

#include <util/error.h>
#include <util/file.h>

#define CLASS_MAX 64u /* ours: a class_id has 39 bytes */

const HvisFinder hvis_fcopy_finder = {
	.device = "/dev/vmbus/hv_fcopy",
	.type = HVIS_FCOPY_TYPE,
	.sysfs = "/sys",
	.dev = "/dev",
	.near = { "/dev/vmbus/hv_fcopy", "/dev/uio0" },
};

char *hvis_guid_text(const struct hvis_guid *guid)
{
	const guint8 *b = guid->b;

	return g_strdup_printf(
		"%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[3], b[2],
		b[1], b[0], b[5], b[4], b[7], b[6], b[8], b[9], b[10], b[11], b[12], b[13], b[14],
		b[15]);
}

static gboolean is_of_class(const char *dir, const char *guid)
{
	g_autofree char *path = g_build_filename(dir, "class_id", NULL);
	g_autofree char *text = hvis_file_read(path, CLASS_MAX, NULL, NULL);
	g_autofree char *wanted = g_strdup_printf("{%s}", guid);

	return text && g_ascii_strcasecmp(g_strchomp(text), wanted) == 0;
}

char *hvis_find_uio(const char *dir)
{
	g_autofree char *path = g_build_filename(dir, "uio", NULL);
	g_autoptr(GDir) list = g_dir_open(path, 0, NULL);
	const char *name;

	while (list && (name = g_dir_read_name(list))) {
		if (g_str_has_prefix(name, "uio") && g_ascii_isdigit(name[3]))
			return g_strdup(name);
	}
	return NULL;
}

char *hvis_find_vmbus(const char *sysfs, const struct hvis_guid *type)
{
	g_autofree char *path = g_build_filename(sysfs, "bus", "vmbus", "devices", NULL);
	g_autofree char *guid = hvis_guid_text(type);
	g_autoptr(GDir) list = g_dir_open(path, 0, NULL);
	g_autofree char *found = NULL;
	const char *name;

	while (list && (name = g_dir_read_name(list))) {
		g_autofree char *dir = g_build_filename(path, name, NULL);
		g_autofree char *uio = NULL;

		if (!is_of_class(dir, guid))
			continue;
		g_free(found);
		found = g_steal_pointer(&dir);
		uio = hvis_find_uio(found);
		if (uio)
			break;
	}
	return g_steal_pointer(&found);
}

char *hvis_finder_find(const HvisFinder *finder, GError **error)
{
	g_autofree char *dir = NULL, *uio = NULL, *path = NULL;

	if (access(finder->device, F_OK) == 0)
		return g_strdup(finder->device);
	dir = hvis_find_vmbus(finder->sysfs, &finder->type);
	if (!dir) {
		hvis_fail(error, HVIS_ERROR_NOT_FOUND,
			"no %s, and no such device on the VMBus: the host does not offer the "
			"service",
			finder->device);
		return NULL;
	}
	uio = hvis_find_uio(dir);
	if (!uio) {
		hvis_fail(error, HVIS_ERROR_NOT_FOUND,
			"no %s, and no driver has %s on the VMBus: uio_hv_generic has to",
			finder->device, strrchr(dir, '/') + 1);
		return NULL;
	}
	path = g_build_filename(finder->dev, uio, NULL);
	if (access(path, F_OK) == 0)
		return g_steal_pointer(&path);
	hvis_fail(error, HVIS_ERROR_NOT_FOUND, "no %s, and no %s", finder->device, path);
	return NULL;
}
